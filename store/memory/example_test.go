package memory_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/store"
	"github.com/atlas-mdm/atlas-go/store/memory"
)

// rename gives a device a name.
func rename(st store.Store, id atlas.DeviceID, name string) error {
	return st.Update(context.Background(), func(ctx context.Context, tx store.Tx) error {
		d, err := tx.Devices().Get(ctx, id)
		if err != nil {
			return err
		}
		d.Name = name
		return tx.Devices().Save(ctx, d)
	})
}

// nameOf returns the name of a device.
func nameOf(st store.Store, id atlas.DeviceID) (name string) {
	_ = st.View(context.Background(), func(ctx context.Context, tx store.Tx) error {
		d, err := tx.Devices().Get(ctx, id)
		name = d.Name
		return err
	})
	return name
}

func Example() {
	st := memory.New(memory.Options{})
	_ = st.Update(context.Background(), func(ctx context.Context, tx store.Tx) error {
		return tx.Devices().Insert(ctx, atlas.Device{ID: "phone", Path: "root/acme", Name: "old"})
	})
	fmt.Println(rename(st, "phone", "new"), nameOf(st, "phone"))
	// Output: <nil> new
}

// Every operation of a transaction fails once. The first run lists them, and
// each failure begins from the same content.
func ExampleStore_SetFault() {
	st := memory.New(memory.Options{})
	_ = st.Update(context.Background(), func(ctx context.Context, tx store.Tx) error {
		return tx.Devices().Insert(ctx, atlas.Device{ID: "phone", Path: "root/acme", Name: "old"})
	})
	start := st.Snapshot()

	var ops []string
	st.SetFault(func(op string) memory.Fault { ops = append(ops, op); return memory.Fault{} })
	_ = rename(st, "phone", "new")

	for i, op := range ops {
		st.Restore(start)
		n := -1
		st.SetFault(func(string) memory.Fault {
			if n++; n == i {
				return memory.Fault{Err: errors.New("disk is full")}
			}
			return memory.Fault{}
		})
		err := rename(st, "phone", "new")
		st.SetFault(nil)
		fmt.Println(op, err, nameOf(st, "phone"))
	}
	// Output:
	// begin disk is full old
	// devices.Get disk is full old
	// devices.Save disk is full old
	// commit disk is full old
}

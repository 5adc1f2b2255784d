package storetest

import (
	"reflect"
	"slices"
	"strings"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/store"
)

// calls runs fn for every method of every accessor of a transaction, with
// the method's name and a call of it with every argument filled.
func calls(c ctx, x tx, fn func(name string, call func() error)) {
	v := reflect.ValueOf(x)
	contract := reflect.TypeFor[store.Tx]()
	for i := range contract.NumMethod() {
		accessor := contract.Method(i)
		domain := accessor.Type.Out(0)
		self := v.MethodByName(accessor.Name).Call(nil)[0]
		for j := range domain.NumMethod() {
			m := domain.Method(j)
			fn(accessor.Name+"."+m.Name, func() error {
				out := self.MethodByName(m.Name).Call(arguments(c, m.Type))
				err, _ := out[len(out)-1].Interface().(error)
				return err
			})
		}
	}
}

func arguments(c ctx, m reflect.Type) []reflect.Value {
	in := []reflect.Value{reflect.ValueOf(c)}
	for i := 1; i < m.NumIn(); i++ {
		arg := reflect.New(m.In(i)).Elem()
		count := int64(0)
		if arg.Type() == reflect.TypeFor[atlas.Scope]() {
			arg.Set(reflect.ValueOf(everywhere()))
		} else {
			fill(arg, looks()[1], i, m.In(i).Name(), &count)
		}
		in = append(in, arg)
	}
	return in
}

// writes reports whether a method of the contract writes. Its name says so.
func writes(method string) bool {
	_, name, _ := strings.Cut(method, ".")
	return slices.ContainsFunc([]string{
		"Append", "Assign", "Delete", "Forget", "Insert", "Move", "Place", "Put", "Reserve", "Save", "Set", "Touch",
	}, func(verb string) bool {
		rest, found := strings.CutPrefix(name, verb)
		return found && (rest == "" || rest[0] >= 'A' && rest[0] <= 'Z')
	})
}

package sealed_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/atlas-mdm/atlas-go/atlas/audit"
	"github.com/atlas-mdm/atlas-go/atlas/audit/sealed"
)

func Example() {
	ctx := context.Background()
	seed := bytes.Repeat([]byte{1}, 32) // a secret of the server
	signer, err := sealed.NewSigner("https://mdm.example.com", seed)
	if err != nil {
		panic(err)
	}

	log := newLog() // a store's Audit(), inside one transaction
	for _, id := range []string{"e1", "e2", "e3"} {
		e, err := audit.New(audit.Event{ID: id, At: noon, Action: "device.lock", TargetID: "device-1"})
		if err != nil {
			panic(err)
		}
		log.events[id], log.pending = e, append(log.pending, id)
	}
	n, err := sealed.Batch(ctx, log, signer, noon, 1000)
	fmt.Println("sealed", n, err)

	// Someone else, with nothing but the export and the key.
	var file bytes.Buffer
	if err := sealed.Export(ctx, log, &file); err != nil {
		panic(err)
	}
	report, err := sealed.VerifyExport(bytes.NewReader(file.Bytes()), signer.Verifier())
	fmt.Println(report.Origin, report.Events, err)

	forged := bytes.Replace(file.Bytes(), []byte(`{"index":1`), []byte(`{"index":2`), 1)
	_, err = sealed.VerifyExport(bytes.NewReader(forged), signer.Verifier())
	var place *sealed.TamperedError
	fmt.Println(errors.As(err, &place), place.From, place.Problem)

	// Output:
	// sealed 3 <nil>
	// mdm.example.com 3 <nil>
	// true 1 event 2 is in its place
}

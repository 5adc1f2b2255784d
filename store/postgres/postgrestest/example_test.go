package postgrestest_test

import (
	"testing"

	"github.com/atlas-mdm/atlas-go/store/postgres/postgrestest"
)

// A test of an embedder's own tables, against a real PostgreSQL.
func ExampleDB() {
	TestInvoices := func(t *testing.T) {
		db := postgrestest.DB(t) // empty, and gone when the test ends
		_, err := db.ExecContext(t.Context(), "CREATE TABLE invoices (id bigint PRIMARY KEY)")
		if err != nil {
			t.Fatal(err)
		}
	}
	_ = TestInvoices
}

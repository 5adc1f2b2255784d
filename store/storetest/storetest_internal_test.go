package storetest

import (
	"reflect"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas/audit"
	"github.com/atlas-mdm/atlas-go/atlas/privacy"
	"github.com/atlas-mdm/atlas-go/store"
)

func TestEveryRecordOfTheContractIsInTheTable(t *testing.T) {
	t.Parallel()
	tested := []reflect.Type{reflect.TypeFor[audit.Checkpoint]()} // has cases of its own
	for _, r := range records() {
		tested = append(tested, r.typ())
	}
	for _, r := range privacy.RecordsOf(reflect.TypeFor[store.Tx]()) {
		require.True(t, slices.Contains(tested, r), "%s is kept by the contract and in no case", r)
	}
}

func TestEveryMethodOfTheContractIsEitherAReadOrAWrite(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"Accounts.Insert": true, "Accounts.Move": true, "Codes.InsertCodes": true, "Devices.SetInventory": true, "Packages.Assign": true, "Audit.Place": true,
		"Accounts.Get": false, "Packages.Assignments": false, "Codes.Plans": false, "Packages.InState": false, "Ledger.Refunded": false,
	} {
		require.Equal(t, want, writes(name), name)
	}
}

func TestFilledRecordsDifferInEveryField(t *testing.T) {
	t.Parallel()
	for _, l := range looks() {
		one, other := reflect.ValueOf(filled[store.Request](l, 0)), reflect.ValueOf(filled[store.Request](l, 3))
		for i := range one.NumField() {
			require.False(t, one.Field(i).IsZero())
			require.NotEqual(t, one.Field(i).Interface(), other.Field(i).Interface())
		}
	}
}

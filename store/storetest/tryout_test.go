package storetest_test

import (
	"testing"

	"github.com/atlas-mdm/atlas-go/store"
	"github.com/atlas-mdm/atlas-go/store/memory"
	"github.com/atlas-mdm/atlas-go/store/storetest"
)

func TestMemory(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store { return memory.New(memory.Options{Repeat: 0.5, Seed: 1}) })
}

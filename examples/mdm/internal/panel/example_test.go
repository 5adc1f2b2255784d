package panel_test

import (
	"fmt"
	"net/http/httptest"

	"github.com/atlas-mdm/atlas-go/atlas/fleet"
	"github.com/atlas-mdm/atlas-go/examples/mdm/internal/panel"
	"github.com/atlas-mdm/atlas-go/store/blob/mem"
	"github.com/atlas-mdm/atlas-go/store/memory"
)

func Example() {
	svc, err := fleet.New(memory.New(memory.Options{}), new(mem.Store), make([]byte, 32), fleet.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	p, err := panel.New(svc, panel.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	answer := httptest.NewRecorder()
	p.Handler().ServeHTTP(answer, httptest.NewRequest("GET", "/devices", nil))
	fmt.Println(answer.Code, answer.Header().Get("Location"))
	// Output: 303 /sign-in
}

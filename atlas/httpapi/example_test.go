package httpapi_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/atlas-mdm/atlas-go/atlas/fleet"
	"github.com/atlas-mdm/atlas-go/atlas/httpapi"
	"github.com/atlas-mdm/atlas-go/store/blob/mem"
	"github.com/atlas-mdm/atlas-go/store/memory"
)

// A whole server is a service, the handlers over it, and net/http.
func Example() {
	svc, err := fleet.New(memory.New(memory.Options{}), new(mem.Store), []byte("32 bytes, random in real life..."), fleet.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := svc.Setup(context.Background(), "admin", "Admin", "correct horse battery staple"); err != nil {
		fmt.Println(err)
		return
	}
	api, err := httpapi.New(svc, httpapi.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	srv := httptest.NewServer(api.Handler())
	defer srv.Close()

	for _, password := range []string{"a guess", "correct horse battery staple"} {
		body := fmt.Sprintf(`{"username":"admin","password":%q}`, password)
		resp, err := http.Post(srv.URL+"/v1/sessions", "application/json", strings.NewReader(body))
		if err != nil {
			fmt.Println(err)
			return
		}
		answer, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		fmt.Println(resp.StatusCode, resp.Header.Get("Content-Type"), strings.Contains(string(answer), `"token":"atls_`))
	}
	// Output:
	// 401 application/problem+json false
	// 201 application/json true
}

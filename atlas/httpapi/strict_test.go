package httpapi_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBodiesHaveOneMeaningOrNone(t *testing.T) {
	t.Parallel()
	s := serve(t)
	for body, want := range map[string]struct {
		status int
		kind   string
	}{
		``:                          {400, "malformed"},
		`{"name":`:                  {400, "malformed"},
		`{"name":"a"} {"name":"b"}`: {400, "malformed"},
		`{"name":"a","name":"b"}`:   {400, "malformed"},
		`{"name":"a","Name":"b"}`:   {400, "malformed"},
		"{\"name\":\"\xff\"}":       {400, "malformed"},
		`{"name":"\u0000"}`:         {400, "malformed"},
		strings.Repeat("[", 5000):   {400, "malformed"},
		`[]`:                        {422, "invalid"},
		`{}`:                        {422, "invalid"},
		`{"name":"a","owner":"x"}`:  {422, "invalid"},
		`{"NAME":"a"}`:              {422, "invalid"},
		`{"name":7}`:                {422, "invalid"},
		`{"name":null}`:             {422, "invalid"},
		`{"name":""}`:               {422, "invalid"},
		`{"name":"` + strings.Repeat("x", 101) + `"}`:   {422, "invalid"},
		`{"name":"a","owner_id":"../x"}`:                {422, "invalid"},
		`{"name":"` + strings.Repeat("x", 1<<20) + `"}`: {413, "too-large"},
	} {
		s.refused(0, func() { s.as("north", "POST", "/v1/folders", body).problem(want.status, want.kind) })
	}
	s.as("north", "POST", "/v1/folders", `{"name":"ok"}`, "Content-Type", "application/json; charset=UTF-8").status(201)
}

func TestOtherContentTypesAreRefused(t *testing.T) {
	t.Parallel()
	s := serve(t)
	for _, kind := range []string{"", "text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin1", "application/cbor"} {
		s.as("north", "POST", "/v1/folders", `{"name":"a"}`, "Content-Type", kind).problem(415, "media-type")
	}
	s.as("north", "POST", "/v1/folders", `{"name":"a"}`, "Content-Encoding", "gzip").problem(415, "media-type")
}

func TestRoutesAndMethodsThatAreNotThere(t *testing.T) {
	t.Parallel()
	s := serve(t)
	for _, path := range []string{"/", "/v1", "/v1/nothing", "/v1/me/", "/v1//me", "/device/v1/nothing", "/docs", "/schemas/Account", "/openapi.yaml"} {
		s.as("", "GET", path, nil).problem(404, "not-found")
	}
	got := s.as("", "PUT", "/v1/accounts", nil)
	got.problem(405, "method-not-allowed")
	require.Equal(t, "GET, HEAD, POST", got.Header.Get("Allow"))
}

func TestQueriesAreReadStrictly(t *testing.T) {
	t.Parallel()
	s := serve(t)
	for _, q := range []string{"?onlin=true", "?online=yes", "?limit=0", "?limit=201", "?limit=x", "?q=a&q=b", "?q=%00", "?q=%ff", "?owner_id=..%2Fx"} {
		s.refused(0, func() { s.as("north", "GET", "/v1/devices"+q, nil).problem(422, "invalid") })
	}
	s.as("north", "GET", "/v1/devices?%zz", nil).problem(400, "malformed")
	s.as("north", "GET", "/v1/devices", nil, "Atlas-Purpose", "curiosity").problem(422, "invalid")
}

func TestAnIDInThePathThatCannotBeOneIsAbsent(t *testing.T) {
	t.Parallel()
	s := serve(t)
	absent := s.as("north", "GET", "/v1/devices/absent", nil).problem(404, "not-found")
	for _, id := range []string{"a%2Fb", "%00", "%ff", "a%20b", strings.Repeat("x", 1000)} {
		for _, op := range []string{"GET /v1/devices/{id}", "GET /v1/apks/{id}/file", "DELETE /v1/api-keys/{id}", "POST /v1/commands/{id}/cancel"} {
			method, path, _ := strings.Cut(strings.Replace(op, "{id}", id, 1), " ")
			s.refused(0, func() { require.Equal(t, absent, s.as("north", method, path, nil).problem(404, "not-found"), op) })
		}
	}
	s.as("", "GET", "/v1/devices/a%2Fb", nil).problem(401, "unauthenticated")
}

func TestAWrongFieldIsNamed(t *testing.T) {
	t.Parallel()
	s := serve(t)
	none := s.as("north", "POST", "/v1/commands", object{"kind": "device.reboot", "target": object{}}).problem(422, "invalid")
	require.Equal(t, "body.target.device_ids", none.Errors[0].Location)
	both := s.as("north", "POST", "/v1/commands", object{
		"kind": "device.reboot", "target": object{"account_id": s.ID("north"), "folder_id": "f"},
	}).problem(422, "invalid")
	require.Equal(t, "body.target.folder_id", both.Errors[0].Location)
	short := s.as("north", "POST", "/v1/accounts", object{
		"username": "new.client", "role": "client", "parent_id": s.ID("north"), "password": "short",
	}).problem(422, "invalid")
	require.Equal(t, "body.password", short.Errors[0].Location)
	params := s.as("north", "POST", "/v1/commands", object{
		"kind": "app.uninstall", "target": object{"account_id": s.ID("north")}, "params": object{"package": "not a package"},
	}).problem(422, "invalid")
	require.Equal(t, "body.params.package", params.Errors[0].Location)
	patch := s.as("north", "PATCH", "/v1/accounts/"+string(s.ID("north")), object{"username": "other", "support": []string{}}).problem(422, "invalid")
	require.Equal(t, "body.support", patch.Errors[0].Location)
}

func TestWhatWasSentIsNotEchoed(t *testing.T) {
	t.Parallel()
	s := serve(t)
	got := s.as("", "POST", "/v1/sessions", `{"username":"x","password":["my secret"]}`)
	got.problem(422, "invalid")
	require.NotContains(t, string(got.body), "my secret")
}

func TestATruncatedUploadIsNotKept(t *testing.T) {
	t.Parallel()
	s := serve(t)
	file := tiny(t, "tiny.apk")
	for _, head := range []string{
		fmt.Sprintf("Content-Length: %d\r\n\r\n", len(file)),
		fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n", len(file)),
	} {
		s.refused(0, func() {
			conn, err := net.Dial("tcp", s.Listener.Addr().String())
			require.NoError(t, err)
			defer conn.Close()
			_, err = fmt.Fprintf(conn, "POST /v1/apks HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n%s%s", s.token("north"), head, file[:len(file)/2])
			require.NoError(t, err)
			require.NoError(t, conn.(*net.TCPConn).CloseWrite())
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			require.NoError(t, err)
			body, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			reply{Response: resp, body: body, t: t}.problem(400, "malformed")
		})
	}
	require.Empty(t, s.as("north", "GET", "/v1/apks", nil).items())
}

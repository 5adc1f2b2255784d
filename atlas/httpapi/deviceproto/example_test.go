package deviceproto_test

import (
	"encoding/json"
	"fmt"

	"github.com/atlas-mdm/atlas-go/atlas/httpapi/deviceproto"
)

// What a device sends after it ran a command, and what it gets.
func Example() {
	report, _ := json.Marshal(deviceproto.CheckIn{
		Results: []deviceproto.Report{{CommandID: "c-1", Attempt: 1, Outcome: "succeeded"}},
	})
	fmt.Println(string(report))

	answer := `{"commands":[{"id":"c-2","attempt":1,"kind":"app.uninstall","params":{"package":"com.example.app"}}],
		"activation":"active","agent_enabled":true,"next_check_in":300}`
	var orders deviceproto.Orders
	if err := json.Unmarshal([]byte(answer), &orders); err != nil {
		fmt.Println(err)
		return
	}
	for _, c := range orders.Commands {
		var p deviceproto.Target
		err := json.Unmarshal(c.Params, &p)
		fmt.Println(c.ID, c.Attempt, c.Kind, p.Package, err)
	}
	// Output:
	// {"results":[{"command_id":"c-1","attempt":1,"outcome":"succeeded"}]}
	// c-2 1 app.uninstall com.example.app <nil>
}

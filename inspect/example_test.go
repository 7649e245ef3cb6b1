package inspect_test

import (
	"expvar"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/inspect"
)

// A program that has a server for its operators mounts the page there. Here a test's
// server stands for
//
//	go http.ListenAndServe("localhost:6060", mux)
func ExampleHandler() {
	manager := queuednet.NewQueuedConnectionManager(nil)
	defer manager.Close()

	mux := http.NewServeMux()
	mux.Handle("/debug/queuednet/", inspect.Handler(manager))

	server := httptest.NewServer(mux)
	defer server.Close()
	answer, err := http.Get(server.URL + "/debug/queuednet/stats.json?limit=20&sort=traffic")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(answer.Body)
	fmt.Println(answer.Status, strings.Contains(string(text), `"Open":0`))

	// Output: 200 OK true
}

// What the manager counts, in /debug/vars.
func ExampleVar() {
	manager := queuednet.NewQueuedConnectionManager(nil)
	defer manager.Close()

	stats := inspect.Var(manager)
	if expvar.Get("queuednet") == nil { // it panics if a name is taken
		expvar.Publish("queuednet", stats)
	}

	fmt.Println(strings.HasPrefix(stats.String(), `{"Opened":0,`))

	// Output: true
}

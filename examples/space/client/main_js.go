package main

import (
	"log"
	"net/url"
	"strings"
	"syscall/js"

	"github.com/queuednet/queuednet/examples/space/player"
)

// In a browser the server is the one that the page came from. The page's address
// may have a name and a bot: /?name=Vega&bot=1.
func main() {
	location := js.Global().Get("location")
	query, err := url.ParseQuery(strings.TrimPrefix(location.Get("search").String(), "?"))
	if err != nil {
		log.Print(err)
	}
	address := "ws" + strings.TrimPrefix(location.Get("protocol").String(), "http") + "//" + location.Get("host").String() + "/play"
	a := newApp(options{
		address: address,
		dial:    player.Dialer(address, nil),
		name:    query.Get("name"),
		bot:     query.Has("bot"),
	})
	if err := a.run(); err != nil {
		log.Fatal(err)
	}
}

func setCaption(s string) { js.Global().Get("document").Set("title", s) }

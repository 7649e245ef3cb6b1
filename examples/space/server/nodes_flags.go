package main

import (
	"flag"
	"fmt"

	"github.com/queuednet/queuednet/cluster"
	"github.com/queuednet/queuednet/examples/internal/credentials"
)

// clusterFlags defines the flags of a server that is one of several. What it returns is to be
// called when they are parsed.
func clusterFlags() func() (*cluster.Config, error) {
	number := flag.Uint("node", 0, "number of this server, 1 to 15, if it is one of several with one world; they need the same -seed")
	config := &cluster.Config{Cluster: "space"}
	flag.StringVar(&config.Listen, "listen", "localhost:6222", "with -node: address for the other servers")
	routes := flag.String("routes", "", "with -node: addresses of other servers, with commas between")
	secret := flag.String("secret", "", "with -node: file with 32 characters or more that all servers know; without it who is cut off begins anew elsewhere")
	dir := flag.String("node-tls", "", "with -node: directory with ca.crt, tls.crt and tls.key, needed beyond this machine")
	return func() (_ *cluster.Config, err error) {
		if *number == 0 {
			return nil, nil
		}
		if *number > maxNodes {
			return nil, fmt.Errorf("-node is at most %d", maxNodes)
		}
		config.Number = uint16(*number)
		config.Routes = credentials.List(*routes)
		if config.TLS, err = credentials.TLS(*dir); err != nil {
			return nil, err
		}
		config.Secret, err = credentials.Secret(*secret)
		return config, err
	}
}

//go:build !unix

package load

import "net"

// dialMany opens n connections. It calls done for each and returns how to break
// them off.
func dialMany(address string, n int, done func()) (hangUps []func(), err error) {
	for range n {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			return hangUps, err
		}
		hangUps = append(hangUps, func() {
			conn.(*net.TCPConn).SetLinger(0)
			conn.Close()
		})
		done()
	}
	return hangUps, nil
}

package testnet

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
)

// OnlyNames replaces the name service by one with a few names, each with one
// address, for the test. Nothing leaves the machine.
func OnlyNames(t testing.TB, names map[string]netip.Addr) {
	all := make(map[string][]netip.Addr)
	for name, addr := range names {
		all[name] = []netip.Addr{addr}
	}
	ServeAllNames(t, all)
}

// ServeAllNames is OnlyNames with names of several addresses.
func ServeAllNames(t testing.TB, names map[string][]netip.Addr) {
	system := net.DefaultResolver
	t.Cleanup(func() { net.DefaultResolver = system })
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		near, far := net.Pipe()
		go func() {
			defer far.Close()
			ServeNames(far, names)
		}()
		return near, nil
	}}
}

// ServeNames answers DNS queries in the form for streams, which the resolver
// uses on a net.Pipe.
func ServeNames(rw io.ReadWriter, names map[string][]netip.Addr) {
	const (
		header           = 12
		answer, notFound = 0x80, 0x03
		typeA, typeAAAA  = 1, 28
	)
	for {
		var size [2]byte
		if _, err := io.ReadFull(rw, size[:]); err != nil {
			return
		}
		message := make([]byte, binary.BigEndian.Uint16(size[:]))
		if _, err := io.ReadFull(rw, message); err != nil {
			return
		}
		var labels []string
		end := header
		for message[end] != 0 {
			length := int(message[end])
			labels = append(labels, string(message[end+1:end+1+length]))
			end += 1 + length
		}
		question := message[header : end+5] // the name, its end, the type and the class
		asked := binary.BigEndian.Uint16(message[end+1:])

		reply := append([]byte{message[0], message[1], answer | message[2], 0, 0, 1, 0, 0, 0, 0, 0, 0}, question...)
		addresses, found := names[strings.Join(labels, ".")]
		if !found {
			reply[3] |= notFound
		}
		for _, address := range addresses {
			if asked == typeA && address.Is4() || asked == typeAAAA && address.Is6() {
				reply[7]++ // answers
				reply = append(reply, 0xc0, header, 0, byte(asked), 0, 1, 0, 0, 0, 0, 0, byte(len(address.AsSlice())))
				reply = append(reply, address.AsSlice()...)
			}
		}
		if _, err := rw.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(reply))), reply...)); err != nil {
			return
		}
	}
}

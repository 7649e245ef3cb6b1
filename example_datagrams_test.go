package queuednet_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/queuednet/queuednet"
)

// What GetData fills in; its zero value is ready.
func ExampleNetDatagram() {
	p := connected()
	defer p.close()
	p.clientWriter.Send(queuednet.NewDatagram([]byte("\x07\x03\x00Ada")), p.opened)

	var datagram queuednet.NetDatagram
	for !p.serverReader.GetData(&datagram) {
		p.server.WaitForReaders(context.Background())
	}
	it := datagram.Iterator()
	fmt.Println(it.GetUint8(), it.GetString())
	fmt.Println(datagram.Connection() == p.accepted, datagram.Address() == p.opened.LocalAddress())

	// Output:
	// 7 Ada
	// true true
}

// A header of 2 bytes cannot tell more than 65,535. The datagram is refused, and
// the connection lives on.
func ExampleDatagramTooLongError() {
	p := connected()
	defer p.close()
	err := p.clientWriter.Send(queuednet.NewDatagram(make([]byte, 70_000)), p.opened)

	if tooLong, ok := errors.AsType[*queuednet.DatagramTooLongError](err); ok {
		fmt.Println(tooLong.Length, tooLong.Max)
	}
	fmt.Println(p.opened.Err())

	// Output:
	// 70000 65535
	// <nil>
}

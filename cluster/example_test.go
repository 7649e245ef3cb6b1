package cluster_test

import (
	"crypto/rand"
	"fmt"
	"strconv"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/cluster"
)

// Two nodes in one process, which would be two machines: what one sends to a zone reaches the
// other, which watches it.
func Example() {
	one, err := cluster.Open(&cluster.Config{Number: 1, Listen: "127.0.0.1:0"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer one.Close()
	two, err := cluster.Open(&cluster.Config{Number: 2, Listen: "127.0.0.1:0", Routes: []string{one.ListenAddress()}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer two.Close()
	zone := two.Group("zone.42")
	zone.Watch() // or zone.Join(conn), for a player's connection

	for heard := false; !heard; { // frames
		for event := range two.Events() {
			if event.Kind == cluster.NodeJoined { // who joins and then asks misses nothing
				two.Send(queuednet.NewDatagram([]byte("what is there?")), cluster.NodeAddress(event.Node))
			}
		}
		for range one.Events() {
		}
		for message := range one.Messages() {
			fmt.Printf("node %d asks: %s\n", message.From(), message.Payload())
			one.Group("zone.42").Broadcast(nil, queuednet.NewDatagram([]byte("a dragon")))
		}
		for message := range two.Messages() {
			fmt.Printf("in %s: %s\n", message.Group(), message.Payload())
			heard = true
		}
		time.Sleep(time.Millisecond)
	}
	// Output:
	// node 2 asks: what is there?
	// in zone.42: a dragon
}

// One of three nodes on one machine: a program that is started three times, with the numbers
// from 1 to 3.
func ExampleOpen() {
	number := 1                      // of a flag
	key := rand.Text() + rand.Text() // of a file
	node, err := cluster.Open(&cluster.Config{
		Number:    uint16(number),
		Listen:    "127.0.0.1:" + strconv.Itoa(6220+number),
		Routes:    []string{"127.0.0.1:6221", "127.0.0.1:6222", "127.0.0.1:6223"},
		TicketKey: key, // 32 random bytes or more, the same on all nodes
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer node.Close()
}

// A ticket, with which a player takes up on another node what was his. Here it is the same
// node, which is alone.
func ExampleNode_Redeem() {
	node, err := cluster.Open(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer node.Close()
	session := cluster.NewSessionID()
	ticket, _ := node.IssueTicket(session, []byte("account 7"), 10*time.Minute) // to be sent to the player
	node.KeepState(session, []byte("level 9"))

	for range 2 {
		pending := node.Redeem(ticket) // when a player comes with it
		for !pending.Ready() {         // frames
			time.Sleep(time.Millisecond)
		}
		if s, err := pending.Result(); err != nil {
			fmt.Println(err)
		} else {
			fmt.Printf("%s is at %s\n", s.Data, s.State)
		}
	}
	// Output:
	// account 7 is at level 9
	// cluster: the ticket has been used
}

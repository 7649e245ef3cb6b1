// Package cluster joins several processes of a game to one world, over NATS. Each process,
// a node, holds the connections of some thousand players; the world is divided into groups,
// such as zones; what is sent to a group reaches its members on whichever node they are.
//
// It is polled once a frame, as package queuednet is: nothing waits, no code of the program
// runs on its goroutines but the handler of a Config.Logger, queues are bounded, and what is
// lost is told. Without a Config a node is alone: no server is started and no port is open, so
// that a program is the same on one machine and on many. With Config.Listen and Config.Routes
// each process contains a NATS server, joined to the others by routes; with Config.Servers it
// is a client of servers that run somewhere.
//
// A frame:
//
//	for conn := range listener.NewConnections() {
//		reader.AddConnection(conn)
//		node.Group("zone.42").Join(conn)
//	}
//	for datagram := range reader.Datagrams() { // a player's datagram reaches its own node
//		zoneOf(datagram.Connection()).Broadcast(writer, &datagram.Datagram) // members here, and other nodes
//	}
//	for message := range node.Messages() { // what happened on other nodes
//		world.Apply(message)
//		message.Forward(writer) // to the members here
//	}
//	for event := range node.Events() {
//		switch event.Kind {
//		case cluster.NodeLeft:
//			world.ForgetObjectsOf(event.Node)
//		case cluster.Gap:
//			world.AskForState(event.Group, event.Node)
//		case cluster.NodeBack, cluster.Connected, cluster.Paused:
//			world.AskForAllState()
//		}
//	}
//	for conn := range manager.ResetConnections() {
//		node.RemoveConnection(conn)
//	}
//
// # What is promised
//
//  1. Nothing in a frame waits, whatever NATS and the network do; those calls whose
//     documentation says BLOCKS are for before and after.
//  2. What one node sends to groups and addresses arrives, at each other node, at most once
//     and in the order in which it was sent, over all groups; also after a reconnect.
//  3. Between nodes a message may be lost: where a connection between servers breaks, where a
//     queue is full, where it has become too old. A loss is a Gap at each node that misses it,
//     with the number of messages, from the first message of a node to a group that was
//     received on; at the latest a heartbeat after the way is free again. A program answers
//     it by asking for the state. After NodeBack, a Connected that follows a Disconnected, and
//     Paused, it asks for all of it.
//  4. Who joins a group and then asks another node for its state misses nothing between
//     the answer and what comes after.
//  5. A node that dies, or is cut off, is told on each other node once, at most DeadAfter and
//     a heartbeat later, and nobody else notices; one that leaves at once. What a node sent
//     is handed out between its NodeJoined and its NodeLeft.
//  6. Memory is bounded: MaxSendQueue, MaxReceiveQueue, one of each for the node. Who sends
//     more than MaxPublishRate or MaxSendQueue is told by the call.
//  7. A bad message is counted and dropped.
//  8. Close ends everything within CloseTimeout.
//
// At most once: broadcasts, directed messages, states of sessions. Exactly once: nothing
// between nodes. A ticket is redeemed at most once as far as the cluster can tell: see
// Node.Redeem. JetStream is not used: what must survive all nodes belongs in a database, and
// an authority that must be unique although the cluster may be cut in two needs a lease from
// one.
//
// # Goroutines
//
// A node has two of its own, and those of nats.go (some 5) and, embedded, of the server (some
// 20, and 3 for each other node). The pump is the only one that calls nats.go; the program
// writes to the outgoing queue, under a lock that is held for a copy, and the pump swaps it.
// The receiver takes what all subscriptions bring from one channel, knows who is there and
// what is missing, and writes to the queue that Messages and Events drain.
//
//	who goes first        what happens
//	the other node        the receiver tells NodeLeft; what is sent to it is ErrNoNode or lost
//	the program's loop    the receive queue fills up, what comes then is dropped: Overflow, Gap
//	NATS                  the pump waits; the outgoing queue fills up or its messages grow old
//	                      (MaxAge); nats.go reconnects for ever, 100 ms apart
//	the node              Close: the pump publishes what is queued and says that the node leaves;
//	                      then nats.go, the server and the receiver end
//
// # Security
//
// Whoever has a route can send and hear anything in the cluster, so a node that listens on
// anything but the loopback needs TLS, which both ends verify, and Secret, or has to be called
// Insecure. The embedded server's port for clients is on 127.0.0.1, with a random password that
// nobody else has. With Servers, give each node a user in an account of its own, with the
// permission to publish and to subscribe to "<Cluster>.>" only. A message from another node is
// checked: its form, its size (MaxMessageSize), its sender, which must be known by heartbeat and
// may hold half of MaxReceiveQueue.
//
// A program that uses external servers only is 11 MB shorter with the build tag
// queuednet_noserver.
package cluster

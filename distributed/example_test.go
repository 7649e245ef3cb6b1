package distributed_test

import (
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/distributed"
	"github.com/queuednet/queuednet/distributed/dc"
)

const worldDC = `
keyword p2p;

dclass Avatar {
  setName(string name) required broadcast ram;
  setGold(uint32 gold) broadcast ram;
  greet(string who) p2p;
};

dclass TimeManager {
  requestServerTime(uint8 context) p2p;
  serverTime(uint8 context, int32 timestamp);
};

dclass Ship {
  setSmStop(int16 t) broadcast;
  setSmXY(int16/10 x, int16/10 y, int16 t) broadcast;
  setSmPosHprL(uint64 l, int16/10 x, int16/10 y, int16/10 z, int16/10 h, int16/10 p, int16/10 r, int16 t) broadcast;
  clearSmoothing(int8 n) broadcast;
};
`

// An Avatar is somebody in the world.
type Avatar struct {
	distributed.DistributedObject
	name string
}

func (a *Avatar) SetName(name string) { a.name = name }
func (a *Avatar) GetName() string     { return a.name }

// Greet is for the owner of the avatar.
func (a *Avatar) Greet(who string) { fmt.Printf("%s is greeted by %s\n", a.name, who) }

func (a *Avatar) AnnounceGenerate() {
	if !a.IsLocal() {
		fmt.Println("here is", a.name)
	}
}

// A Ship moves.
type Ship struct{ distributed.SmoothNode }

// A program is a server and its clients in one frame loop.
type program struct {
	server  *distributed.ServerRepository
	clients []*distributed.ClientRepository
}

func newProgram(config *distributed.ServerConfig) *program {
	server, err := distributed.NewServerRepository(config, file())
	check(err)
	return &program{server: server}
}

func file() *dc.File {
	file, err := dc.Parse("world.dc", []byte(worldDC))
	check(err)
	return file
}

// client makes a client and lets it join. It is in the server's process; one elsewhere
// calls Connect.
func (p *program) client(config *distributed.ClientConfig) *distributed.ClientRepository {
	client, err := distributed.NewClientRepository(config, file())
	check(err)
	check(client.Register("Avatar", func() distributed.Object { return &Avatar{} }))
	check(client.ConnectLocal(p.server))
	p.clients = append(p.clients, client)
	p.frames()
	return client
}

// frames lets everything that is under way arrive.
func (p *program) frames() {
	for range 5 {
		p.server.Update()
		for _, client := range p.clients {
			client.Update()
		}
	}
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// Two clients: one has an avatar, the other one sees it and greets its owner.
func ExampleClientRepository() {
	p := newProgram(nil)
	alice, bob := p.client(nil), p.client(nil)

	check(alice.CreateDistributedObject(&Avatar{name: "Alice"}, 7))
	check(bob.SetInterestZones(7))
	p.frames()
	for _, object := range bob.Objects() {
		check(object.(*Avatar).SendUpdate("greet", "Bob"))
	}
	p.frames()
	// Output:
	// here is Alice
	// Alice is greeted by Bob
}

// The server's program has objects of its own: it is an AI of its own server.
func ExampleClientRepository_ConnectLocal() {
	p := newProgram(nil)
	ai, err := distributed.NewClientRepository(nil, file())
	check(err)
	check(ai.Register("Avatar", func() distributed.Object { return &Avatar{} }))
	check(ai.ConnectLocal(p.server))
	p.clients = append(p.clients, ai)
	for !ai.HaveCreateAuthority() {
		p.frames()
	}
	check(ai.CreateDistributedObject(&Avatar{name: "shopkeeper"}, 7))
	p.frames()
	for object := range p.server.Objects() {
		fmt.Println(object.Class, object.DoID, "in zone", object.Zone)
	}
	// Output:
	// Avatar 1 in zone 7
}

// What happened in a frame is a queue to drain.
func ExampleServerRepository_Events() {
	p := newProgram(nil)
	client := p.client(nil)
	avatar := &Avatar{name: "Alice"}
	check(client.CreateDistributedObject(avatar, 7))
	check(client.SetObjectZone(avatar, 8))
	client.Disconnect()

	p.server.Update()
	for event := range p.server.Events() {
		fmt.Println(event.Kind, event.DoID, event.Zone)
	}
	// Output:
	// object generated 1 7
	// object moved 1 8
	// object deleted 1 8
	// client left 0 0
}

// The program decides what a client may do: nobody has more gold than 100.
func ExampleServerConfig_allowUpdate() {
	p := newProgram(&distributed.ServerConfig{
		AllowUpdate: func(c *distributed.Client, u distributed.FieldUpdate) error {
			if u.Field.Name() != "setGold" {
				return nil
			}
			var gold uint32
			if _, err := u.Field.Scan(u.Args, &gold); err != nil {
				return err
			}
			if gold > 100 {
				return fmt.Errorf("%d pieces of gold", gold)
			}
			return nil
		},
		AllowGenerate: func(c *distributed.Client, g distributed.Generate) error {
			if g.Zone < 5 {
				return errors.New("the zones below 5 are not for players")
			}
			return nil
		},
	})
	client := p.client(nil)
	check(client.CreateDistributedObject(&Avatar{name: "Bob"}, 3))
	avatar := &Avatar{name: "Alice"}
	check(client.CreateDistributedObject(avatar, 7))
	check(avatar.SendUpdate("setGold", 99))
	check(avatar.SendUpdate("setGold", 5000))

	p.server.Update()
	for event := range p.server.Events() {
		if event.Kind == distributed.MessageDropped {
			fmt.Println(event.Reason, "-", event.Err)
		}
	}
	// Output:
	// not allowed by the program - the zones below 5 are not for players
	// not allowed by the program - 5000 pieces of gold
}

// The first message of a client, one of the game's own, says who it is. Until the program
// has accepted it, it gets no range of ids.
func ExampleServerRepository_Joins() {
	const hello = 1 // none of Panda3D's types
	server, err := distributed.NewServerRepository(&distributed.ServerConfig{HoldJoins: true}, file())
	check(err)
	client, err := distributed.NewClientRepository(nil, file())
	check(err)
	one, other := net.Pipe() // or a socket: see Connect and OpenTCPServerRendezvous
	check(server.AdoptConnection(one))
	check(client.AdoptConnection(other))

	var message queuednet.Datagram
	message.AddUint16(hello)
	message.AddString("secret")
	check(client.Send(&message))

	for deadline := time.Now().Add(10 * time.Second); !client.HaveCreateAuthority() && time.Now().Before(deadline); {
		server.Update()
		for c := range server.Joins() {
			if len(c.Held()) == 0 {
				continue // it comes again until JoinTimeout
			}
			said := queuednet.NewDatagramIterator(queuednet.NewDatagram(c.Held()[0]))
			if said.GetUint16() == hello && said.GetString() == "secret" {
				fmt.Println("accepted")
				c.Accept()
			} else {
				c.Disconnect(errors.New("not one of us"))
			}
		}
		client.Update()
	}
	fmt.Println("first id", client.DoIDBase())
	check(client.Close())
	check(server.Close())
	// Output:
	// accepted
	// first id 1
}

// An AI has the clock, and clients ask for it.
func ExampleTimeManager() {
	now := time.Unix(1_000_000, 0) // a clock that stands still, for the example
	config := &distributed.ClientConfig{Now: func() time.Time { return now }}
	p := newProgram(nil)
	ai, client := p.client(config), p.client(nil)
	check(ai.Register("TimeManager", distributed.NewTimeManagerAI))
	check(client.Register("TimeManager", distributed.NewTimeManager))

	clock := &distributed.TimeManagerAI{}
	check(ai.CreateDistributedObject(clock, 1))
	now = now.Add(90 * time.Second)
	check(client.SetInterestZones(1))
	p.frames()
	known := client.Object(clock.DoID()).(*distributed.TimeManager)
	fmt.Println(known.Synchronized(), client.NetworkTime().Round(time.Second))
	// Output:
	// true 1m30s
}

// The owner of a ship says where it is some times a second; the others show where it was
// a fifth of a second ago.
func ExampleSmoothNode() {
	now := time.Unix(1_000_000, 0)
	config := &distributed.ClientConfig{Now: func() time.Time { return now }}
	p := newProgram(nil)
	owner, other := p.client(config), p.client(config)
	for _, client := range p.clients {
		check(client.Register("Ship", func() distributed.Object { return &Ship{} }))
	}
	ship := &Ship{}
	check(owner.CreateDistributedObject(ship, 7))
	check(other.SetInterestZones(7))
	p.frames()
	check(ship.StartPosHprBroadcast())
	for range 5 {
		now = now.Add(200 * time.Millisecond)
		ship.X += 2
		check(ship.BroadcastPosHpr())
	}
	p.frames()
	seen := other.Object(ship.DoID()).(*Ship)
	fmt.Println("it is at", ship.X, "and shown at", seen.Smoothed().X)
	now = now.Add(100 * time.Millisecond)
	fmt.Println("and then at", seen.Smoothed().X)
	// Output:
	// it is at 10 and shown at 8
	// and then at 9
}

// A cache answers who opens a zone, even if the owner does not.
func ExampleServerConfig_cacheFields() {
	p := newProgram(&distributed.ServerConfig{CacheFields: true})
	owner, other := p.client(nil), p.client(nil)
	check(owner.CreateDistributedObject(&Avatar{name: "Alice"}, 7))
	p.server.Update()

	p.clients = p.clients[1:] // the owner is busy
	check(other.SetInterestZones(7))
	p.frames()
	// Output:
	// here is Alice
}

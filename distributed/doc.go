// Package distributed is Panda3D's direct.distributed: objects that live in several
// programs at once, declared in DC files (package dc reads them), connected through a
// server. The messages are Panda3D's, so that unmodified Panda3D programs take part.
//
// A [ServerRepository] is the server. It keeps no fields and runs no game: it knows
// clients, objects and zones, and passes messages on as the keywords of the DC file say.
//
//	file, err := dc.ParseFiles("direct.dc", "game.dc")
//	server, err := distributed.NewServerRepository(nil, file)
//	_, err = server.OpenTCPServerRendezvous(4400, 0)
//	for range time.Tick(time.Second / 60) {
//		server.Update()
//		for event := range server.Events() {
//			log.Print(event.Kind, event.Err)
//		}
//	}
//
// A [ClientRepository] is a client, or an AI: Go types that embed [DistributedObject] stand
// for the classes.
//
//	type Avatar struct {
//		distributed.DistributedObject
//		name string
//	}
//
//	func (a *Avatar) SetName(name string) { a.name = name } // setName(string) required broadcast ram
//	func (a *Avatar) GetName() string     { return a.name }
//
//	client, err := distributed.NewClientRepository(nil, file)
//	err = client.Register("Avatar", func() distributed.Object { return &Avatar{} })
//	err = client.Connect("localhost", 4400, 10*time.Second)
//	for range time.Tick(time.Second / 60) {
//		client.Update() // calls SetName of the avatars of others
//	}
//
// Several ServerRepositories, in processes of their own, are one server to their clients if
// [ServerConfig].Processes connects them: package cluster/objects of the module cluster does.
//
// Everything happens inside Update, on the goroutine that calls it, and nothing there
// waits for the network: connections, their limits and their ends are package
// queuednet's. All methods are for that goroutine.
//
// DISTRIBUTED.md at the root of the module is for those who have a game in Python.
package distributed

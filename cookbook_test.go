package queuednet_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/queuednet/queuednet"
)

// inherit makes a rendezvous of a socket that systemd, or the predecessor of this
// process, has handed to it, and otherwise opens one.
func inherit(manager *queuednet.QueuedConnectionManager) (*queuednet.Connection, error) {
	if os.Getenv("LISTEN_PID") != strconv.Itoa(os.Getpid()) || os.Getenv("LISTEN_FDS") == "" {
		return manager.OpenTCPServerRendezvous(4000, 0)
	}
	inherited, err := net.FileListener(os.NewFile(3, "systemd"))
	if err != nil {
		return nil, err
	}
	return manager.AdoptRendezvous(inherited)
}

// restart starts a new process on the socket of a rendezvous.
func restart(rendezvous *queuednet.Connection, command *exec.Cmd) error {
	file, err := rendezvous.ListenerFile()
	if err != nil {
		return err
	}
	defer file.Close()
	command.ExtraFiles = []*os.File{file} // becomes descriptor 3
	return command.Start()
}

// A child takes over from this process. What was accepted before stays here.
func TestCookbookRestart(t *testing.T) {
	if os.Getenv("QUEUEDNET_TEST_CHILD") != "" {
		serveOne(t)
		return
	}
	manager := queuednet.NewQueuedConnectionManager(nil)
	t.Cleanup(func() { manager.Close() })
	listener := queuednet.NewQueuedConnectionListener(manager)
	var local queuednet.NetAddress
	require.NoError(t, local.SetLocalhost(0))
	rendezvous, err := manager.OpenTCPServerRendezvousAt(local, 0)
	require.NoError(t, err)
	require.NoError(t, listener.AddConnection(rendezvous))

	child := exec.Command(os.Args[0], "-test.run=^TestCookbookRestart$")
	child.Env = append(os.Environ(), "QUEUEDNET_TEST_CHILD=1", "LISTEN_FDS=1")
	child.Stderr = os.Stderr
	err = restart(rendezvous, child)
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip(err)
	}
	require.NoError(t, err)
	require.True(t, listener.RemoveConnection(rendezvous))
	require.True(t, manager.CloseConnection(rendezvous))

	client, err := net.Dial("tcp", rendezvous.LocalAddress().String())
	require.NoError(t, err)
	defer client.Close()
	require.NoError(t, client.SetDeadline(time.Now().Add(time.Minute)))
	_, err = io.WriteString(client, "\x05\x00hello")
	require.NoError(t, err)
	answer, err := io.ReadAll(client)
	require.NoError(t, err)
	assert.Equal(t, "\x05\x00hello", string(answer))
	require.NoError(t, client.Close())
	assert.NoError(t, child.Wait())
	assert.False(t, listener.NewConnectionAvailable())
}

// serveOne is the child: it answers one datagram.
func serveOne(t *testing.T) {
	t.Setenv("LISTEN_PID", strconv.Itoa(os.Getpid())) // as systemd does between fork and exec
	manager := queuednet.NewQueuedConnectionManager(nil)
	defer manager.Close()
	listener := queuednet.NewQueuedConnectionListener(manager)
	reader := queuednet.NewQueuedConnectionReader(manager)
	rendezvous, err := inherit(manager)
	require.NoError(t, err)
	require.NoError(t, listener.AddConnection(rendezvous))
	for manager.WaitForReaders(t.Context()) == nil {
		for conn := range listener.NewConnections() {
			require.NoError(t, reader.AddConnection(conn))
		}
		for datagram := range reader.Datagrams() {
			require.NoError(t, queuednet.NewConnectionWriter(manager).Send(&datagram.Datagram, datagram.Connection()))
			return
		}
	}
}

// openLAN opens a connection of a group on each interface that has one.
func openLAN(manager *queuednet.QueuedConnectionManager, group queuednet.NetAddress) ([]*queuednet.Connection, error) {
	interfaces, err := queuednet.Interfaces()
	if err != nil {
		return nil, err
	}
	var conns []*queuednet.Connection
	for _, on := range interfaces {
		if !on.Operational || on.IPv6 != group.IsIPv6() {
			continue
		}
		if conn, err := manager.OpenUDPMulticast(group, on); err == nil {
			conns = append(conns, conn)
		}
	}
	return conns, nil
}

// openOnLAN is openLAN with a reader; the test is skipped where there is no LAN.
func openOnLAN(t *testing.T, group queuednet.NetAddress) (*queuednet.QueuedConnectionManager, *queuednet.QueuedConnectionReader, []*queuednet.Connection) {
	manager := queuednet.NewQueuedConnectionManager(nil)
	t.Cleanup(func() { manager.Close() })
	reader := queuednet.NewQueuedConnectionReader(manager)
	conns, err := openLAN(manager, group)
	require.NoError(t, err)
	if len(conns) == 0 {
		t.Skip("no interface of this machine has IPv4 multicast")
	}
	for _, conn := range conns {
		require.NoError(t, reader.AddConnection(conn))
	}
	return manager, reader, conns
}

// Who asks for games on the LAN hears of two of this machine, on one port.
func TestCookbookFindGames(t *testing.T) {
	const port = 17_901 // that the system gives to nobody
	var group queuednet.NetAddress
	require.NoError(t, group.SetHost("239.77.78.79", port))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for _, name := range []string{"chess", "go"} {
		manager, reader, _ := openOnLAN(t, group)
		writer := queuednet.NewConnectionWriter(manager)
		go func() {
			for manager.WaitForReaders(ctx) == nil {
				for datagram := range reader.Datagrams() {
					writer.SendTo(queuednet.NewDatagram([]byte(name)), datagram.Connection(), datagram.Address())
				}
			}
		}()
	}

	question := group
	require.NoError(t, question.SetPort(0))
	manager, reader, conns := openOnLAN(t, question)
	writer := queuednet.NewConnectionWriter(manager)
	games := make(map[string]bool)
	for len(games) < 2 {
		for _, conn := range conns {
			require.NoError(t, writer.SendTo(queuednet.NewDatagram([]byte("games?")), conn, group))
		}
		asked, cancel := context.WithTimeout(ctx, time.Second)
		for len(games) < 2 && manager.WaitForReaders(asked) == nil {
			for datagram := range reader.Datagrams() {
				games[string(datagram.Message())] = true
			}
		}
		cancel()
		require.NoError(t, ctx.Err())
	}
	assert.Equal(t, map[string]bool{"chess": true, "go": true}, games)
}

package queuednet

import (
	"net"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A rendezvous with a backlog of 1 accepts the second client when the first one has been
// taken, and not before: row 47 of the table, with a look at who waits.
func TestBacklogOf1(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnd(t, nil)
		listener := newPipeListener()
		rendezvous, err := e.manager.adoptRendezvous(listener, 1)
		require.NoError(t, err)
		require.NoError(t, e.listener.AddConnection(rendezvous))
		listener.Dial(t)
		second := listener.Dial(t)
		synctest.Wait()
		assert.Equal(t, 1, listener.Waiting(), "not accepted")
		_, ok := e.listener.GetNewConnection()
		assert.True(t, ok)
		_, ok = e.listener.GetNewConnection()
		assert.False(t, ok)

		conn := e.accept()
		go e.writer.Send(NewDatagram([]byte("served")), conn)
		assert.Equal(t, framed(2, "served"), read(t, second, 8))
	})
}

// An endlessListener always has somebody who wants in.
type endlessListener struct {
	*pipeListener
	accepted atomic.Int32
}

func (l *endlessListener) Accept() (net.Conn, error) {
	select {
	case <-l.Closed():
		return nil, net.ErrClosed
	default:
	}
	l.accepted.Add(1)
	near, far := net.Pipe()
	far.Close()
	return near, nil
}

func TestBacklogBound(t *testing.T) {
	for _, backlog := range []int{1, 3, defaultBacklog} {
		t.Run(strconv.Itoa(backlog), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newEnd(t, nil)
				listener := &endlessListener{pipeListener: newPipeListener()}
				var rendezvous *Connection
				var err error
				if backlog == defaultBacklog {
					rendezvous, err = e.manager.AdoptRendezvous(listener)
				} else {
					rendezvous, err = e.manager.adoptRendezvous(listener, backlog)
				}
				require.NoError(t, err)
				synctest.Wait()
				assert.Zero(t, listener.accepted.Load(), "no listener has it yet")
				require.NoError(t, e.listener.AddConnection(rendezvous))
				for taken := range 4 {
					time.Sleep(time.Hour)
					synctest.Wait()
					assert.Equal(t, backlog+taken, int(listener.accepted.Load()))
					_, ok := e.listener.GetNewConnection()
					assert.True(t, ok)
					e.listener.NewConnectionAvailable() // the end of a drain, perhaps
				}

				// A drain takes what was there when it began, although more come.
				synctest.Wait()
				n := 0
				for range e.listener.NewConnections() {
					n++
					synctest.Wait()
				}
				assert.Equal(t, backlog, n)

				// In no listener, none more than is queued already.
				synctest.Wait()
				require.True(t, e.listener.RemoveConnection(rendezvous))
				before := listener.accepted.Load()
				for range e.listener.NewConnections() {
				}
				synctest.Wait()
				assert.LessOrEqual(t, listener.accepted.Load(), before+1)
				assert.False(t, e.listener.NewConnectionAvailable())
				require.True(t, e.manager.CloseConnection(rendezvous))
			})
		})
	}
}

package queuednet

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A datagram in error does not become half a message of another one.
func TestAddDatagram(t *testing.T) {
	var inner, outer Datagram
	inner.AddString("hello")
	outer.AddDatagram(&inner)
	outer.AddUint8(7)
	it := outer.Iterator()
	require.Equal(t, inner.Message(), it.GetBlob())
	require.Equal(t, uint8(7), it.GetUint8())
	require.NoError(t, it.Err())

	inner.PadBytes(-1)
	before := outer.Length()
	outer.AddDatagram(&inner)
	outer.AddUint8(8)
	require.Equal(t, before, outer.Length())
	require.Equal(t, inner.Err(), outer.Err())
	inner.Clear()
	require.Error(t, outer.Err())

	var long, none Datagram
	long.AddDatagram(NewDatagram(make([]byte, 1<<16)))
	var field *FieldError
	require.ErrorAs(t, long.Err(), &field)
	none.AddDatagram(nil)
	require.ErrorContains(t, none.Err(), "nil datagram")
	require.Zero(t, none.Length())
}

package distributed

import (
	"errors"
	"testing"

	dcworld "github.com/queuednet/queuednet/cmd/dc/testdata/world"
	"github.com/queuednet/queuednet/distributed/dc"
	"github.com/stretchr/testify/require"
)

// An avatar has methods that fit the generated code: of one argument, of several, one that
// fails, and one whose type does not fit, which is called by reflection.
type avatar struct {
	DistributedObject
	x, y   float64
	name   string
	orders []dcworld.Order
	heard  float32
	hits   uint8
}

func (a *avatar) SetXY(x, y float64)             { a.x, a.y = x, y }
func (a *avatar) SetName(name string)            { a.name = name }
func (a *avatar) Orders(o []dcworld.Order)       { a.orders = o }
func (a *avatar) Order(what dcworld.Order) error { return errors.New(what.Text) }
func (a *avatar) SetH(h float32)                 { a.heard = h }
func (a *avatar) SetHitPoints(n uint8)           { a.hits = n }

func generatedStage(t *testing.T) (*stage, *avatar) {
	s := &stage{t: t, link: &fakeLink{}}
	r, err := NewClientRepository(&ClientConfig{HandleField: dcworld.HandleField}, dcworld.DCFile)
	require.NoError(t, err)
	s.ClientRepository, r.link = r, s.link
	require.NoError(t, r.Register("Avatar", func() Object { return &avatar{} }))
	s.comes(appendSetDoIDRange(nil, firstID, 1_000_000))
	a := &avatar{}
	require.NoError(t, r.CreateDistributedObject(a, 5))
	s.link.sent = nil
	return s, a
}

// worldUpdate is what comes when a field is set on another's object.
func worldUpdate(doID uint32, field int, args ...any) []byte {
	data, err := dcworld.DCFile.FieldByNumber(field).Pack(nil, args...)
	if err != nil {
		panic(err)
	}
	return appendObjectUpdateField(nil, 1, doID, uint16(field), data)
}

// What comes is given to the methods by generated code where it fits, else by reflection.
func TestGeneratedHandle(t *testing.T) {
	s, a := generatedStage(t)
	s.comes(
		worldUpdate(firstID, dcworld.FieldAvatarSetXY, 1.5, -2.5),
		worldUpdate(firstID, dcworld.FieldAvatarSetName, "bob"),
		worldUpdate(firstID, dcworld.FieldAvatarOrders, []any{[]any{4, "t", 9}}),
		worldUpdate(firstID, dcworld.FieldAvatarSetH, 90),
		worldUpdate(firstID, dcworld.FieldAvatarHitPoints, 7))
	require.Equal(t, []any{1.5, -2.5, "bob", []dcworld.Order{{Verb: 4, Text: "t", Time: 9}}, float32(90), uint8(7)},
		[]any{a.x, a.y, a.name, a.orders, a.heard, a.hits})
	s.reports(0, MethodFailed)
	s.comes(worldUpdate(firstID, dcworld.FieldAvatarOrder, []any{4, "no", 9}))
	s.reports(1, MethodFailed)
	for e := range s.Events() {
		require.EqualError(t, e.Err, "no")
		require.Equal(t, dcworld.DCFile.FieldByNumber(dcworld.FieldAvatarOrder), e.Field)
	}
	// A reply to one who asks has what was last received.
	s.comes(request(5))
	require.Contains(t, string(s.link.sent[0]), "bob")
}

// The generated functions send what SendUpdate sends, and refuse what it refuses.
func TestGeneratedSend(t *testing.T) {
	s, a := generatedStage(t)
	require.NoError(t, a.SendUpdate("setXY", 1.5, -2.5))
	require.NoError(t, a.SendUpdateTo(77, "setName", "bob"))
	require.NoError(t, dcworld.SendAvatarSetXY(a, 1.5, -2.5))
	require.NoError(t, dcworld.SendToAvatarSetName(a, 77, "bob"))
	require.Len(t, s.link.sent, 4)
	require.Equal(t, s.link.sent[:2], s.link.sent[2:])
	s.link.sent = nil

	require.ErrorIs(t, dcworld.SendAvatarSetXY(a, 1e9, 0), dc.ErrRange)
	require.ErrorIs(t, dcworld.SendAvatarSetName(a, "\xff"), dc.ErrUTF8)
	require.ErrorIs(t, a.SendPacked(dcworld.FieldAvatarSetXY, []byte{1}), dc.ErrData)
	require.ErrorIs(t, a.SendPacked(dcworld.FieldAvatarSetXY, make([]byte, 5)), dc.ErrData)
	require.ErrorIs(t, a.SendPackedTo(1, dcworld.FieldAvatarSetXY, nil), dc.ErrData)
	for _, number := range []int{-1, 0, 1 << 20} {
		require.ErrorIs(t, a.SendPacked(number, nil), ErrUnknownField)
	}
	s.sends()
	require.ErrorIs(t, dcworld.SendAvatarSetXY(&avatar{}, 1, 2), ErrNoObject)
	own := []byte{1, 0, 2, 0}
	require.NoError(t, a.SendPacked(dcworld.FieldAvatarSetXY, own))
	require.NoError(t, dcworld.SendAvatarSetXY(a, 9, 9))
	require.Equal(t, []byte{1, 0, 2, 0}, own, "what the program packed itself stays its own")
}

// With generated code an update costs no allocation, sent or received.
func TestGeneratedAllocatesNothing(t *testing.T) {
	s, a := generatedStage(t)
	s.ClientRepository.link = noLink{}
	update := worldUpdate(firstID, dcworld.FieldAvatarSetXY, 1.5, -2.5)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		s.handle(update)
		if err := dcworld.SendAvatarSetXY(a, 3, 4); err != nil {
			t.Fatal(err)
		}
		if err := dcworld.SendToAvatarSetXY(a, 1, 3, 4); err != nil {
			t.Fatal(err)
		}
	}))
	require.Equal(t, -2.5, a.y)
	setXY := dcworld.DCFile.FieldByNumber(dcworld.FieldAvatarSetXY)
	require.Equal(t, setXY.Atomics(), []*dc.Field{setXY.Atomic(0), setXY.Atomic(1)})
	require.Equal(t, 2, setXY.NumAtomics())
}

// A noLink loses all.
type noLink struct{ link }

func (noLink) send([]byte) error { return nil }

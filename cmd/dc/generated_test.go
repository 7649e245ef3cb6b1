package main

import (
	"testing"

	"github.com/queuednet/queuednet/cmd/dc/testdata/world"
	"github.com/queuednet/queuednet/distributed/dc"
	"github.com/stretchr/testify/require"
)

// same checks that generated code and Field.Pack make the same bytes.
func same(t *testing.T, number int, args ...any) func(data []byte, err error) []byte {
	return func(data []byte, err error) []byte {
		require.NoError(t, err)
		want, err := world.DCFile.FieldByNumber(number).Pack(nil, args...)
		require.NoError(t, err)
		require.Equal(t, want, data)
		return data
	}
}

func TestGeneratedFields(t *testing.T) {
	data := same(t, world.FieldAvatarSetXY, 1.5, -2.5)(world.PackAvatarSetXY(nil, 1.5, -2.5))
	x, y, n, err := world.UnpackAvatarSetXY(append(data, 1, 2))
	require.NoError(t, err)
	require.Equal(t, []any{1.5, -2.5, 4}, []any{x, y, n})

	cells := [][]byte{{1, 2, 3}, {4, 5, 6}, {7, 8, 9}}
	data = same(t, world.FieldAvatarSetBoard, cells)(world.PackAvatarSetBoard(nil, cells))
	got, _, err := world.UnpackAvatarSetBoard(data)
	require.NoError(t, err)
	require.Equal(t, cells, got)

	data = same(t, world.FieldAvatarHitPoints, 7)(world.PackAvatarHitPoints(nil, 7))
	require.Equal(t, []byte{7}, data)
	_, err = world.PackAvatarSetName([]byte("head"), "a name of more than 20 bytes")
	require.ErrorIs(t, err, dc.ErrRange)
	_, n, err = world.UnpackAvatarSetName([]byte{2, 0, 0xff, 0xff})
	require.ErrorIs(t, err, dc.ErrUTF8)
	require.Zero(t, n)
}

func TestGeneratedStructs(t *testing.T) {
	items := []world.Stack{{Kind: 1, Name: "a", OwnerIds: []uint32{1, 2}, Count: 3}, {Kind: 2, Count: 64}}
	data := same(t, world.FieldAvatarSetItems, items)(world.PackAvatarSetItems(nil, items))
	same(t, world.FieldAvatarSetItems, []any{[]any{1, "a", []int{1, 2}, 3}, map[string]any{
		"kind": 2, "name": "", "owner_ids": nil2, "count": 64}})(data, nil)
	got, n, err := world.UnpackAvatarSetItems(data)
	require.NoError(t, err)
	require.Len(t, data, n)
	require.Equal(t, items, got)

	// The struct tags make the types work with Scan.
	got = nil
	_, err = world.DCFile.FieldByNumber(world.FieldAvatarSetItems).Scan(data, &got)
	require.NoError(t, err)
	require.Equal(t, items[0], got[0])
}

var nil2 = []uint32{}

func TestGeneratedSwitches(t *testing.T) {
	orders := []world.Order{{Verb: 1, X: 1.5, Y: 2}, {Verb: 3, Item: world.Item{Name: "x"}}, {Verb: 4, Text: "t", Time: 9},
		{Verb: 5, Time: 3}, {Verb: 200, Rest: []byte{1, 2}}}
	data := same(t, world.FieldAvatarOrders, []any{[]any{1, 1.5, 2}, []any{3, []any{0, "x", []any{}}}, []any{4, "t", 9},
		[]any{5, 3}, []any{200, []byte{1, 2}}})(world.PackAvatarOrders(nil, orders))
	got, _, err := world.UnpackAvatarOrders(data)
	require.NoError(t, err)
	require.Equal(t, orders, got)
	inlined := world.AvatarInlinedFunc{Key: "b", X2: "text"}
	data, err = world.PackAvatarInlined(nil, world.AvatarInlinedType{A: 1}, inlined)
	require.NoError(t, err)
	_, func_, _, err := world.UnpackAvatarInlined(data)
	require.NoError(t, err)
	require.Equal(t, inlined, func_)
}

func TestGeneratedTypes(t *testing.T) {
	args := []any{int8(-1), int16(-2), int32(-3), int64(-4), uint8(5), uint16(6), uint32(7), uint64(8), 9.5, []byte{10}, []byte{11},
		uint8('l'), "m", []int8{-12}, []byte{13, 14}, []string{"15", ""}, [][]float64{{1, 2}, {3, 4}}}
	data := same(t, world.FieldAvatarEverything, args...)(world.PackAvatarEverything(nil, -1, -2, -3, -4, 5, 6, 7, 8, 9.5, []byte{10}, []byte{11},
		'l', "m", []int8{-12}, []byte{13, 14}, []string{"15", ""}, [][]float64{{1, 2}, {3, 4}}))
	a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, size, err := world.UnpackAvatarEverything(data)
	require.NoError(t, err)
	require.Len(t, data, size)
	require.Equal(t, args, []any{a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q})

	pairs := []dc.Uint32Uint8{{A: 1, B: 2}}
	data = same(t, world.FieldAvatarArrays, []int{-1}, []int{-2}, []int{-3}, []byte{4}, []int{5}, []int{6}, pairs)(
		world.PackAvatarArrays(nil, []int8{-1}, []int16{-2}, []int32{-3}, []byte{4}, []uint16{5}, []uint32{6}, pairs))
	_, _, _, _, _, g2, pairs2, _, err := world.UnpackAvatarArrays(data)
	require.NoError(t, err)
	require.Equal(t, []uint32{6}, g2)
	require.Equal(t, pairs, pairs2)
}

// An avatar handles some fields.
type avatar struct {
	x, y float64
	name string
	hp   uint8
}

func (a *avatar) SetXY(x, y float64)   { a.x, a.y = x, y }
func (a *avatar) SetName(name string)  { a.name = name }
func (a *avatar) SetHitPoints(p uint8) { a.hp = p }

func TestGeneratedHandler(t *testing.T) {
	var a avatar
	handle := func(number int, data ...byte) (bool, error) { return world.HandleField(&a, number, data) }
	handled, err := handle(world.FieldAvatarSetXY, 15, 0, 0xe7, 0xff, 99)
	require.True(t, handled)
	require.NoError(t, err)
	handled, err = handle(world.FieldAvatarHitPoints, 3)
	require.True(t, handled)
	require.NoError(t, err)
	handled, err = handle(world.FieldAvatarSetName, 1, 0, 0xff)
	require.True(t, handled)
	require.ErrorIs(t, err, dc.ErrUTF8)
	for _, number := range []int{world.FieldAvatarSetX, -1, 1000} {
		handled, err = handle(number, 1, 2)
		require.False(t, handled)
		require.NoError(t, err)
	}
	require.Equal(t, avatar{x: 1.5, y: -2.5, hp: 3}, a)
}

// Generated code allocates nothing for numbers.
func TestGeneratedAllocations(t *testing.T) {
	var a avatar
	buffer := make([]byte, 0, 100)
	require.Zero(t, testing.AllocsPerRun(1000, func() {
		data, err := world.PackAvatarSetXY(buffer, 1.5, 2.5)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := world.HandleField(&a, world.FieldAvatarSetXY, data); err != nil {
			t.Fatal(err)
		}
	}))
	require.Equal(t, 2.5, a.y)
}

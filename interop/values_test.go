package interop_test

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/queuednet/queuednet"
	"github.com/stretchr/testify/require"
)

// A row of values.json; values.py says what its fields mean.
type row struct {
	Name   string
	Method string
	Value  any
	Times  int
	Size   int
	Read   *string
	Hex    *string
	Header int
}

// testValues: what each add method writes is read back by the other side's iterator.
func (s suite) testValues(t *testing.T) {
	table := s.rows(t)
	requireEveryMethod(t, table)
	var together []row // those that share the last datagram; values.py makes the same choice
	var batches [][]row
	for _, r := range table {
		batches = append(batches, []row{r})
		if r.Times == 0 && r.Method != "stdfloat_double" {
			together = append(together, r)
		}
	}
	batches = append(batches, together)

	s.bothWays(t, queuednet.Config{}, "values.py", nil,
		func(t *testing.T, n *node, conn *queuednet.Connection, p *program) {
			for _, batch := range batches {
				var dg queuednet.Datagram
				for _, r := range batch {
					r.add(t, &dg)
				}
				require.NoError(t, n.writer.Send(&dg, conn))
			}
			for i, got := range n.take(len(batches)) {
				requireRead(t, batches[i], got.data)
			}
			for _, batch := range batches {
				for _, r := range batch {
					e := p.await("value")
					require.Equal(t, r.Name, e.Name)
					require.Equal(t, r.expected(t), r.seen(t, e.Read), "what Panda3D read of %s", r.Name)
				}
				require.Zero(t, p.await("end").Left, "what Panda3D left of %s", batch[0].Name)
			}
			p.await("done")
			p.end()
		})
}

// requireEveryMethod wants a row for each add method that Panda3D has too.
func requireEveryMethod(t *testing.T, table []row) {
	t.Helper()
	tried := map[string]bool{"adddatagram": true} // Panda3D has none
	for _, r := range table {
		tried["add"+strings.ReplaceAll(r.Method, "_", "")] = true
	}
	for method := range reflect.TypeFor[*queuednet.Datagram]().Methods() {
		if name := strings.ToLower(method.Name); strings.HasPrefix(name, "add") {
			require.True(t, tried[name], "values.json has no row for %s", method.Name)
		}
	}
}

// requireRead reads the rows from a datagram that Panda3D wrote.
func requireRead(t *testing.T, batch []row, data []byte) {
	t.Helper()
	dg := queuednet.NewDatagram(data)
	dg.SetStdfloatDouble(batch[0].Method == "stdfloat_double")
	it := dg.Iterator()
	for _, r := range batch {
		from := it.CurrentIndex()
		require.Equal(t, r.expected(t), r.read(t, &it), "what was read of Panda3D's %s", r.Name)
		if r.Hex != nil {
			require.Equal(t, *r.Hex, hex.EncodeToString(data[from:it.CurrentIndex()]), "Panda3D's bytes of %s", r.Name)
		}
	}
	require.NoError(t, it.Err())
	require.Zero(t, it.RemainingSize())
}

func (s suite) rows(t *testing.T) []row {
	t.Helper()
	file, err := os.Open("values.json")
	require.NoError(t, err)
	defer file.Close()
	decoder := json.NewDecoder(file)
	decoder.UseNumber()
	var all, rows []row
	require.NoError(t, decoder.Decode(&all))
	for _, r := range all {
		if r.Header <= s.headerSize {
			rows = append(rows, r)
		}
	}
	return rows
}

func (r row) text() string { return strings.Repeat(fmt.Sprint(r.Value), max(1, r.Times)) }

func (r row) bytes(t *testing.T) []byte {
	t.Helper()
	data, err := hex.DecodeString(r.text())
	require.NoError(t, err)
	return data
}

func (r row) int(t *testing.T) int64 {
	t.Helper()
	value, err := strconv.ParseInt(r.text(), 10, 64)
	require.NoError(t, err)
	return value
}

func (r row) uint(t *testing.T) uint64 {
	t.Helper()
	value, err := strconv.ParseUint(r.text(), 10, 64)
	require.NoError(t, err)
	return value
}

func (r row) float(t *testing.T) float64 {
	t.Helper()
	value, err := strconv.ParseFloat(r.text(), 64)
	require.NoError(t, err)
	return value
}

// expected is what must be read back, in the form that read and seen have too:
// an integer or text as it is, a float as its bits, bytes in hex.
func (r row) expected(t *testing.T) string {
	t.Helper()
	switch r.Method {
	case "float32", "be_float32", "stdfloat":
		return bits(float64(float32(r.float(t))))
	case "float64", "be_float64", "stdfloat_double":
		return bits(r.float(t))
	}
	if r.Read != nil {
		return *r.Read
	}
	return r.text()
}

// seen is what Panda3D says that it read. Which of all NaNs it was does not matter.
func (r row) seen(t *testing.T, read any) string {
	t.Helper()
	text := fmt.Sprint(read)
	if strings.Contains(r.Method, "float") {
		pattern, err := strconv.ParseUint(text, 16, 64)
		require.NoError(t, err)
		return bits(math.Float64frombits(pattern))
	}
	return text
}

func bits(value float64) string {
	if math.IsNaN(value) {
		return "nan"
	}
	return fmt.Sprintf("%016x", math.Float64bits(value))
}

// An adding is a row whose field is added to a datagram, a reading one whose field is read.
type (
	adding struct {
		*queuednet.Datagram
		t   *testing.T
		row row
	}
	reading struct {
		*queuednet.DatagramIterator
		t   *testing.T
		row row
	}
)

// methods are how fields are added and read. What is read of floats and bytes is put as
// values.py puts it.
var methods = map[string]struct {
	add  func(a adding)
	read func(i reading) any
}{
	"bool":            {func(a adding) { a.AddBool(a.row.Value == true) }, func(i reading) any { return i.GetBool() }},
	"int8":            {func(a adding) { a.AddInt8(int8(a.row.int(a.t))) }, func(i reading) any { return i.GetInt8() }},
	"int16":           {func(a adding) { a.AddInt16(int16(a.row.int(a.t))) }, func(i reading) any { return i.GetInt16() }},
	"int32":           {func(a adding) { a.AddInt32(int32(a.row.int(a.t))) }, func(i reading) any { return i.GetInt32() }},
	"int64":           {func(a adding) { a.AddInt64(a.row.int(a.t)) }, func(i reading) any { return i.GetInt64() }},
	"uint8":           {func(a adding) { a.AddUint8(uint8(a.row.uint(a.t))) }, func(i reading) any { return i.GetUint8() }},
	"uint16":          {func(a adding) { a.AddUint16(uint16(a.row.uint(a.t))) }, func(i reading) any { return i.GetUint16() }},
	"uint32":          {func(a adding) { a.AddUint32(uint32(a.row.uint(a.t))) }, func(i reading) any { return i.GetUint32() }},
	"uint64":          {func(a adding) { a.AddUint64(a.row.uint(a.t)) }, func(i reading) any { return i.GetUint64() }},
	"be_int16":        {func(a adding) { a.AddBEInt16(int16(a.row.int(a.t))) }, func(i reading) any { return i.GetBEInt16() }},
	"be_int32":        {func(a adding) { a.AddBEInt32(int32(a.row.int(a.t))) }, func(i reading) any { return i.GetBEInt32() }},
	"be_int64":        {func(a adding) { a.AddBEInt64(a.row.int(a.t)) }, func(i reading) any { return i.GetBEInt64() }},
	"be_uint16":       {func(a adding) { a.AddBEUint16(uint16(a.row.uint(a.t))) }, func(i reading) any { return i.GetBEUint16() }},
	"be_uint32":       {func(a adding) { a.AddBEUint32(uint32(a.row.uint(a.t))) }, func(i reading) any { return i.GetBEUint32() }},
	"be_uint64":       {func(a adding) { a.AddBEUint64(a.row.uint(a.t)) }, func(i reading) any { return i.GetBEUint64() }},
	"float32":         {func(a adding) { a.AddFloat32(float32(a.row.float(a.t))) }, func(i reading) any { return bits(float64(i.GetFloat32())) }},
	"float64":         {func(a adding) { a.AddFloat64(a.row.float(a.t)) }, func(i reading) any { return bits(i.GetFloat64()) }},
	"be_float32":      {func(a adding) { a.AddBEFloat32(float32(a.row.float(a.t))) }, func(i reading) any { return bits(float64(i.GetBEFloat32())) }},
	"be_float64":      {func(a adding) { a.AddBEFloat64(a.row.float(a.t)) }, func(i reading) any { return bits(i.GetBEFloat64()) }},
	"stdfloat":        {func(a adding) { a.AddStdfloat(a.row.float(a.t)) }, func(i reading) any { return bits(i.GetStdfloat()) }},
	"stdfloat_double": {func(a adding) { a.SetStdfloatDouble(true); a.AddStdfloat(a.row.float(a.t)) }, func(i reading) any { return bits(i.GetStdfloat()) }},
	"string":          {func(a adding) { a.AddString(a.row.text()) }, func(i reading) any { return i.GetString() }},
	"string32":        {func(a adding) { a.AddString32(a.row.text()) }, func(i reading) any { return i.GetString32() }},
	"z_string":        {func(a adding) { a.AddZString(a.row.text()) }, func(i reading) any { return i.GetZString() }},
	"fixed_string":    {func(a adding) { a.AddFixedString(a.row.text(), a.row.Size) }, func(i reading) any { return i.GetFixedString(i.row.Size) }},
	"wstring":         {func(a adding) { a.AddWString(a.row.text()) }, func(i reading) any { return i.GetWString() }},
	"blob":            {func(a adding) { a.AddBlob(a.row.bytes(a.t)) }, func(i reading) any { return hex.EncodeToString(i.GetBlob()) }},
	"blob32":          {func(a adding) { a.AddBlob32(a.row.bytes(a.t)) }, func(i reading) any { return hex.EncodeToString(i.GetBlob32()) }},
	"pad_bytes": {func(a adding) { a.PadBytes(int(a.row.int(a.t))) }, func(i reading) any {
		before := i.CurrentIndex()
		i.SkipBytes(int(i.row.int(i.t)))
		return i.CurrentIndex() - before
	}},
	"append_data": {func(a adding) { a.AppendData(a.row.bytes(a.t)) }, func(i reading) any { return hex.EncodeToString(i.ExtractBytes(len(i.row.bytes(i.t)))) }},
}

func (r row) add(t *testing.T, dg *queuednet.Datagram) {
	t.Helper()
	require.Contains(t, methods, r.Method, "in values.json")
	methods[r.Method].add(adding{dg, t, r})
	require.NoError(t, dg.Err())
}

func (r row) read(t *testing.T, it *queuednet.DatagramIterator) string {
	t.Helper()
	require.Contains(t, methods, r.Method, "in values.json")
	return fmt.Sprint(methods[r.Method].read(reading{it, t, r}))
}

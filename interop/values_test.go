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

func (r row) add(t *testing.T, dg *queuednet.Datagram) {
	t.Helper()
	switch r.Method {
	case "bool":
		dg.AddBool(r.Value == true)
	case "int8":
		dg.AddInt8(int8(r.int(t)))
	case "int16":
		dg.AddInt16(int16(r.int(t)))
	case "int32":
		dg.AddInt32(int32(r.int(t)))
	case "int64":
		dg.AddInt64(r.int(t))
	case "uint8":
		dg.AddUint8(uint8(r.uint(t)))
	case "uint16":
		dg.AddUint16(uint16(r.uint(t)))
	case "uint32":
		dg.AddUint32(uint32(r.uint(t)))
	case "uint64":
		dg.AddUint64(r.uint(t))
	case "be_int16":
		dg.AddBEInt16(int16(r.int(t)))
	case "be_int32":
		dg.AddBEInt32(int32(r.int(t)))
	case "be_int64":
		dg.AddBEInt64(r.int(t))
	case "be_uint16":
		dg.AddBEUint16(uint16(r.uint(t)))
	case "be_uint32":
		dg.AddBEUint32(uint32(r.uint(t)))
	case "be_uint64":
		dg.AddBEUint64(r.uint(t))
	case "float32":
		dg.AddFloat32(float32(r.float(t)))
	case "float64":
		dg.AddFloat64(r.float(t))
	case "be_float32":
		dg.AddBEFloat32(float32(r.float(t)))
	case "be_float64":
		dg.AddBEFloat64(r.float(t))
	case "stdfloat":
		dg.AddStdfloat(r.float(t))
	case "stdfloat_double":
		dg.SetStdfloatDouble(true)
		dg.AddStdfloat(r.float(t))
	case "string":
		dg.AddString(r.text())
	case "string32":
		dg.AddString32(r.text())
	case "z_string":
		dg.AddZString(r.text())
	case "fixed_string":
		dg.AddFixedString(r.text(), r.Size)
	case "wstring":
		dg.AddWString(r.text())
	case "blob":
		dg.AddBlob(r.bytes(t))
	case "blob32":
		dg.AddBlob32(r.bytes(t))
	case "pad_bytes":
		dg.PadBytes(int(r.int(t)))
	case "append_data":
		dg.AppendData(r.bytes(t))
	default:
		t.Fatalf("values.json: no method %q", r.Method)
	}
	require.NoError(t, dg.Err())
}

func (r row) read(t *testing.T, it *queuednet.DatagramIterator) string {
	t.Helper()
	var value any
	switch r.Method {
	case "bool":
		value = it.GetBool()
	case "int8":
		value = it.GetInt8()
	case "int16":
		value = it.GetInt16()
	case "int32":
		value = it.GetInt32()
	case "int64":
		value = it.GetInt64()
	case "uint8":
		value = it.GetUint8()
	case "uint16":
		value = it.GetUint16()
	case "uint32":
		value = it.GetUint32()
	case "uint64":
		value = it.GetUint64()
	case "be_int16":
		value = it.GetBEInt16()
	case "be_int32":
		value = it.GetBEInt32()
	case "be_int64":
		value = it.GetBEInt64()
	case "be_uint16":
		value = it.GetBEUint16()
	case "be_uint32":
		value = it.GetBEUint32()
	case "be_uint64":
		value = it.GetBEUint64()
	case "float32":
		value = bits(float64(it.GetFloat32()))
	case "float64":
		value = bits(it.GetFloat64())
	case "be_float32":
		value = bits(float64(it.GetBEFloat32()))
	case "be_float64":
		value = bits(it.GetBEFloat64())
	case "stdfloat", "stdfloat_double":
		value = bits(it.GetStdfloat())
	case "string":
		value = it.GetString()
	case "string32":
		value = it.GetString32()
	case "z_string":
		value = it.GetZString()
	case "fixed_string":
		value = it.GetFixedString(r.Size)
	case "wstring":
		value = it.GetWString()
	case "blob":
		value = hex.EncodeToString(it.GetBlob())
	case "blob32":
		value = hex.EncodeToString(it.GetBlob32())
	case "pad_bytes":
		before := it.CurrentIndex()
		it.SkipBytes(int(r.int(t)))
		value = it.CurrentIndex() - before
	case "append_data":
		value = hex.EncodeToString(it.ExtractBytes(len(r.bytes(t))))
	default:
		t.Fatalf("values.json: no method %q", r.Method)
	}
	return fmt.Sprint(value)
}

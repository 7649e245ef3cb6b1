package queuednet

// A fixedField is a kind of field with a size of its own. The getters of these
// only note which of them failed, and leave it to Err to make an error of it:
// without a call or a pointer for the failure, the compiler inlines them.
type fixedField uint8

const (
	fieldBool fixedField = iota
	fieldInt8
	fieldUint8
	fieldInt16
	fieldUint16
	fieldInt32
	fieldUint32
	fieldInt64
	fieldUint64
	fieldFloat32
	fieldFloat64
	fieldStdfloat
	fieldStdfloatDouble
	fieldBEInt16
	fieldBEUint16
	fieldBEInt32
	fieldBEUint32
	fieldBEInt64
	fieldBEUint64
	fieldBEFloat32
	fieldBEFloat64
)

// fixedFields has the error of each as far as it is known before: without Offset
// and Have.
var fixedFields = [...]FieldError{
	fieldBool:           {Field: "bool", Need: 1},
	fieldInt8:           {Field: "int8", Need: 1},
	fieldUint8:          {Field: "uint8", Need: 1},
	fieldInt16:          {Field: "int16", Need: 2},
	fieldUint16:         {Field: "uint16", Need: 2},
	fieldInt32:          {Field: "int32", Need: 4},
	fieldUint32:         {Field: "uint32", Need: 4},
	fieldInt64:          {Field: "int64", Need: 8},
	fieldUint64:         {Field: "uint64", Need: 8},
	fieldFloat32:        {Field: "float32", Need: 4},
	fieldFloat64:        {Field: "float64", Need: 8},
	fieldStdfloat:       {Field: "stdfloat", Need: 4},
	fieldStdfloatDouble: {Field: "stdfloat", Need: 8},
	fieldBEInt16:        {Field: "be_int16", Need: 2},
	fieldBEUint16:       {Field: "be_uint16", Need: 2},
	fieldBEInt32:        {Field: "be_int32", Need: 4},
	fieldBEUint32:       {Field: "be_uint32", Need: 4},
	fieldBEInt64:        {Field: "be_int64", Need: 8},
	fieldBEUint64:       {Field: "be_uint64", Need: 8},
	fieldBEFloat32:      {Field: "be_float32", Need: 4},
	fieldBEFloat64:      {Field: "be_float64", Need: 8},
}

// What the position of an iterator becomes by its first error: past any end by
// failedMark, with the fixedField, if it was one, above the position proper. No
// memory holds 1<<fieldShift bytes.
const (
	failedMark = 1 << 63
	fieldShift = 48
	posMask    = 1<<fieldShift - 1
)

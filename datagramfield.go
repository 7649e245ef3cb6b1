package queuednet

// A fixedField is a kind of field with a size of its own. The getters of these
// only note which of them failed, and leave it to Err to make an error of it:
// without a call for the failure, the compiler inlines them.
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
// and Have, which is yetUnknown.
var fixedFields = [...]FieldError{
	fieldBool:           {Field: "bool", Need: 1, Have: yetUnknown},
	fieldInt8:           {Field: "int8", Need: 1, Have: yetUnknown},
	fieldUint8:          {Field: "uint8", Need: 1, Have: yetUnknown},
	fieldInt16:          {Field: "int16", Need: 2, Have: yetUnknown},
	fieldUint16:         {Field: "uint16", Need: 2, Have: yetUnknown},
	fieldInt32:          {Field: "int32", Need: 4, Have: yetUnknown},
	fieldUint32:         {Field: "uint32", Need: 4, Have: yetUnknown},
	fieldInt64:          {Field: "int64", Need: 8, Have: yetUnknown},
	fieldUint64:         {Field: "uint64", Need: 8, Have: yetUnknown},
	fieldFloat32:        {Field: "float32", Need: 4, Have: yetUnknown},
	fieldFloat64:        {Field: "float64", Need: 8, Have: yetUnknown},
	fieldStdfloat:       {Field: "stdfloat", Need: 4, Have: yetUnknown},
	fieldStdfloatDouble: {Field: "stdfloat", Need: 8, Have: yetUnknown},
	fieldBEInt16:        {Field: "be_int16", Need: 2, Have: yetUnknown},
	fieldBEUint16:       {Field: "be_uint16", Need: 2, Have: yetUnknown},
	fieldBEInt32:        {Field: "be_int32", Need: 4, Have: yetUnknown},
	fieldBEUint32:       {Field: "be_uint32", Need: 4, Have: yetUnknown},
	fieldBEInt64:        {Field: "be_int64", Need: 8, Have: yetUnknown},
	fieldBEUint64:       {Field: "be_uint64", Need: 8, Have: yetUnknown},
	fieldBEFloat32:      {Field: "be_float32", Need: 4, Have: yetUnknown},
	fieldBEFloat64:      {Field: "be_float64", Need: 8, Have: yetUnknown},
}

const yetUnknown = -1

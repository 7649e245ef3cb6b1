package distributed

import "encoding/binary"

// These append a payload to dst, without the length that goes before it on the wire.

func appendType(dst []byte, kind messageType) []byte {
	return binary.LittleEndian.AppendUint16(dst, uint16(kind))
}

// appendIDs appends a message that is a list of ids: none, one or many.
func appendIDs(dst []byte, kind messageType, ids ...uint32) []byte {
	dst = appendType(dst, kind)
	for _, id := range ids {
		dst = binary.LittleEndian.AppendUint32(dst, id)
	}
	return dst
}

func appendSetDoIDRange(dst []byte, base, count uint32) []byte {
	return appendIDs(dst, setDoIDRange, base, count)
}

func appendObjectSetZone(dst []byte, doID, zone uint32) []byte {
	return appendIDs(dst, objectSetZone, doID, zone)
}

func appendClientObjectGenerate(dst []byte, zone uint32, class uint16, doID uint32, fields []byte) []byte {
	return appendGenerate(appendIDs(dst, clientObjectGenerate, zone), class, doID, fields)
}

func appendObjectGenerate(dst []byte, sender, zone uint32, class uint16, doID uint32, fields []byte) []byte {
	return appendGenerate(appendIDs(dst, objectGenerate, sender, zone), class, doID, fields)
}

func appendGenerate(dst []byte, class uint16, doID uint32, fields []byte) []byte {
	dst = binary.LittleEndian.AppendUint16(dst, class)
	dst = binary.LittleEndian.AppendUint32(dst, doID)
	return append(dst, fields...)
}

func appendClientObjectUpdateField(dst []byte, doID uint32, field uint16, args []byte) []byte {
	return appendField(appendIDs(dst, clientObjectUpdateField, doID), field, args)
}

func appendClientObjectUpdateFieldTargeted(dst []byte, target, doID uint32, field uint16, args []byte) []byte {
	return appendField(appendIDs(dst, clientObjectUpdateFieldTargeted, target, doID), field, args)
}

func appendObjectUpdateField(dst []byte, sender, doID uint32, field uint16, args []byte) []byte {
	return appendField(appendIDs(dst, objectUpdateField, sender, doID), field, args)
}

// appendField appends a field as it stands in an update and among the others of a
// generate: its number and its packed arguments.
func appendField(dst []byte, field uint16, args []byte) []byte {
	return append(binary.LittleEndian.AppendUint16(dst, field), args...)
}

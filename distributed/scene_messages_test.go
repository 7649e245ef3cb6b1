package distributed

import (
	"encoding/hex"
)

func hexes(payloads [][]byte) []string {
	texts := []string{}
	for _, payload := range payloads {
		texts = append(texts, hex.EncodeToString(payload))
	}
	return texts
}

// thing is the generate of a Thing, and thingFor as others get it.
func thing(zone, doID uint32) []byte {
	return appendClientObjectGenerate(nil, zone, classNumber("Thing"), doID, named)
}

func thingFor(owner *peer, zone uint32) []byte { return thingFrom(owner, zone, owner.base) }

func thingFrom(owner *peer, zone, doID uint32) []byte {
	return appendObjectGenerate(nil, owner.base, zone, classNumber("Thing"), doID, named)
}

// set is an update of a field of a class, setFrom as others get it.
func set(doID uint32, class, field string, args ...any) []byte {
	return appendClientObjectUpdateField(nil, doID, fieldNumber(class, field), packed(class, field, args...))
}

func setFrom(sender *peer, doID uint32, class, field string, args ...any) []byte {
	return appendObjectUpdateField(nil, sender.base, doID, fieldNumber(class, field), packed(class, field, args...))
}

func target(base, doID uint32, class, field string, args ...any) []byte {
	return appendClientObjectUpdateFieldTargeted(nil, base, doID, fieldNumber(class, field), packed(class, field, args...))
}

func packed(class, field string, args ...any) []byte {
	data, err := testFile.Class(class).Field(field).Pack(nil, args...)
	if err != nil {
		panic(err)
	}
	return data
}

func say(doID uint32, text string) []byte { return set(doID, "Thing", "say", text) }

func sayFrom(owner *peer, text string) []byte {
	return setFrom(owner, owner.base, "Thing", "say", text)
}

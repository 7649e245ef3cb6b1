package dc

// keywordBits has a bit for each keyword with a meaning. The bits of the built-in ones
// are those that the hash uses.
type keywordBits uint16

const (
	bitRequired keywordBits = 1 << iota
	bitBroadcast
	bitOwnrecv
	bitRAM
	bitDB
	bitClsend
	bitClrecv
	bitOwnsend
	bitAirecv
	bitP2P     // not built in
	bitReflect // not built in

	builtIn = bitP2P - 1
)

var keywordBit = map[string]keywordBits{
	"required": bitRequired, "broadcast": bitBroadcast, "ownrecv": bitOwnrecv, "ram": bitRAM, "db": bitDB,
	"clsend": bitClsend, "clrecv": bitClrecv, "ownsend": bitOwnsend, "airecv": bitAirecv,
	"p2p": bitP2P, "reflect": bitReflect,
}

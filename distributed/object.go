package distributed

import (
	"fmt"
	"slices"

	"github.com/queuednet/queuednet/distributed/dc"
)

// An Object is a distributed object of a [ClientRepository]: a Go type that embeds
// [DistributedObject]. It may have these methods, which are called on the goroutine that
// calls Update:
//
//   - for a field that is a method, one of the field's name with a capital letter, whose
//     parameters take what the field has: SetName(name string) for
//     setName(string name). It may return an error, which becomes an event.
//   - for a required or ram field, a getter: GetName() string for setName, or GetFoo for
//     foo; of a field with several parameters it has as many results. Without one the
//     newest value that was sent or received counts, or else the default.
//   - for a data field, a Go field of its name with a capital letter.
//   - GenerateInit(), Generate(), AnnounceGenerate(), Disable(), Delete(), and
//     SetLocation(parent, zone uint32), which Panda3D calls generateInit and so on, in
//     its order.
type Object interface {
	object() *DistributedObject
}

// The methods that an Object may have.
type (
	generateIniter    interface{ GenerateInit() }
	generater         interface{ Generate() }
	announceGenerater interface{ AnnounceGenerate() }
	disabler          interface{ Disable() }
	deleter           interface{ Delete() }
	locationSetter    interface{ SetLocation(parent, zone uint32) }
)

// A DistributedObject is what a Go type embeds to be an [Object]. Until it has been
// generated it belongs to no repository. It is Panda3D's DistributedObject, and its
// DistributedObjectAI.
type DistributedObject struct {
	repository *ClientRepository
	self       Object
	class      *boundClass
	doID       uint32
	owner      uint32
	zone       uint32
	deleted    bool       // SendDelete has been called, and the server has not answered
	values     fieldCache // what required and ram fields were last set to
}

func (o *DistributedObject) object() *DistributedObject { return o }

// DoID returns the id of the object, which is the same everywhere, or 0 if the object
// has not been generated. It is Panda3D's doId.
func (o *DistributedObject) DoID() uint32 { return o.doID }

// Zone returns the zone that the object is in. It is Panda3D's zoneId.
func (o *DistributedObject) Zone() uint32 { return o.zone }

// Class returns the class of the object, or nil if the object has not been generated.
func (o *DistributedObject) Class() *dc.Class {
	if o.class == nil {
		return nil
	}
	return o.class.dc
}

// Repository returns the repository that the object is in, or nil if the object has not
// been generated or has been deleted. It is Panda3D's cr and air.
func (o *DistributedObject) Repository() *ClientRepository { return o.repository }

// IsLocal reports whether this client owns the object. It is Panda3D's isLocal.
func (o *DistributedObject) IsLocal() bool {
	return o.repository != nil && o.repository.IsLocalID(o.doID)
}

// Owner returns the base of the client that owns the object: what AvatarIDFromSender
// returns for messages of that client. The server said it in the message with which the
// object appeared.
func (o *DistributedObject) Owner() uint32 { return o.owner }

// SendUpdate sends values of a field; the keywords of the field say to whom the
// server passes them on. It fails, and sends nothing, for an unknown field, with a
// *dc.ValueError for values that do not fit, and if there is no connection. The
// object's own method for the field is not called. It is Panda3D's sendUpdate.
func (o *DistributedObject) SendUpdate(field string, args ...any) error {
	f, data, err := o.pack(field, args)
	if err != nil {
		return err
	}
	return o.sendUpdate(f, data)
}

// SendUpdateTo sends values of a field to one client only, whose base is what
// AvatarIDFromSender returns. It is Panda3D's sendUpdateToAvatarId.
func (o *DistributedObject) SendUpdateTo(base uint32, field string, args ...any) error {
	f, data, err := o.pack(field, args)
	if err != nil {
		return err
	}
	return o.sendUpdateTo(base, f, data)
}

// PackBuffer returns an empty slice to pack arguments into, for SendPacked. The
// repository uses its memory again in the next call that sends something.
func (o *DistributedObject) PackBuffer() []byte {
	if o.repository == nil {
		return nil
	}
	return o.repository.args[:0]
}

// SendPacked is SendUpdate for a field by its number, with arguments that are
// packed. The functions that dc generate of cmd/dc writes call it: they check the
// types at compile time, and allocate nothing.
func (o *DistributedObject) SendPacked(field int, args []byte) error {
	f, err := o.packed(field, args)
	if err != nil {
		return err
	}
	return o.sendUpdate(f, args)
}

// SendPackedTo is SendPacked to one client only, as SendUpdateTo is SendUpdate.
func (o *DistributedObject) SendPackedTo(base uint32, field int, args []byte) error {
	f, err := o.packed(field, args)
	if err != nil {
		return err
	}
	return o.sendUpdateTo(base, f, args)
}

// sendUpdate sends packed arguments of a field, and keeps them.
func (o *DistributedObject) sendUpdate(f *dc.Field, args []byte) error {
	r := o.repository
	r.payload = appendClientObjectUpdateField(r.payload[:0], o.doID, uint16(f.Number()), args)
	if err := r.sendPayload(); err != nil {
		return err
	}
	o.values.setField(f, args, false)
	return nil
}

func (o *DistributedObject) sendUpdateTo(base uint32, f *dc.Field, args []byte) error {
	r := o.repository
	r.payload = appendClientObjectUpdateFieldTargeted(r.payload[:0], base, o.doID, uint16(f.Number()), args)
	return r.sendPayload()
}

// pack packs the arguments of a field, into memory that the next call uses again.
func (o *DistributedObject) pack(field string, args []any) (*dc.Field, []byte, error) {
	if o.repository == nil {
		return nil, nil, ErrNoObject
	}
	f := o.class.dc.Field(field)
	if f == nil {
		return nil, nil, fmt.Errorf("%w: %v.%s", ErrUnknownField, o.class.dc, field)
	}
	data, err := f.Pack(o.repository.args[:0], args...)
	if err != nil {
		return nil, nil, err
	}
	o.repository.args = data
	return f, data, nil
}

// packed checks the packed arguments of a field.
func (o *DistributedObject) packed(field int, args []byte) (*dc.Field, error) {
	if o.repository == nil {
		return nil, ErrNoObject
	}
	f := o.class.dc.FieldByNumber(field)
	if f == nil {
		return nil, fmt.Errorf("%w: %v has no field %d", ErrUnknownField, o.class.dc, field)
	}
	switch n, err := f.Validate(args); {
	case err != nil:
		return nil, err
	case n < len(args):
		return nil, fmt.Errorf("%v with %d bytes too many: %w", f.Name(), len(args)-n, dc.ErrData)
	}
	o.repository.args = slices.Grow(o.repository.args[:0], len(args)) // for the next PackBuffer
	return f, nil
}

// setLocation records where the object is, and tells the object.
func (o *DistributedObject) setLocation(zone uint32) {
	o.zone = zone
	if s, ok := o.self.(locationSetter); ok {
		s.SetLocation(0, zone)
	}
}

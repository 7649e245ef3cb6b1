package distributed

import (
	"encoding/binary"
	"fmt"
	"reflect"
	"slices"

	"github.com/queuednet/queuednet/distributed/dc"
)

// SetInterestZones chooses the zones whose objects are to be seen: these, in place of
// those of the last call, and always the zones of the client's own objects. It is
// Panda3D's setInterestZones.
func (r *ClientRepository) SetInterestZones(zones ...uint32) error {
	zones = slices.Compact(slices.Sorted(slices.Values(zones)))
	r.payload = appendIDs(r.payload[:0], clientSetInterest, zones...)
	return r.sendPayload()
}

// CreateDistributedObject makes an object, of a registered type, appear in a zone, for
// all who see the zone, with its required fields and those named here. Before that it
// calls GenerateInit, Generate, SetLocation and AnnounceGenerate of the object. Zone 0 is
// not for objects: programs of Panda3D cannot have any there. It fails, and nothing is
// sent, with ErrUnknownClass, ErrUnknownField, ErrNoIDs, ErrNotConnected, and with the
// error of a value that does not fit its field. It is Panda3D's createDistributedObject.
func (r *ClientRepository) CreateDistributedObject(o Object, zone uint32, optional ...string) error {
	b := r.byType[reflect.TypeOf(o)]
	if b == nil {
		return fmt.Errorf("%w: %T was not registered", ErrUnknownClass, o)
	}
	if o.object().repository != nil {
		return fmt.Errorf("distributed: object %d is there already", o.object().doID)
	}
	var others []*dc.Field
	for _, name := range optional {
		f := b.dc.Field(name)
		if f == nil {
			return fmt.Errorf("%w: %v.%s", ErrUnknownField, b.dc, name)
		}
		others = append(others, f)
	}
	if r.link == nil {
		return ErrNotConnected
	}
	if r.ids == nil {
		return ErrNoIDs
	}
	id, ok := r.ids.allocate()
	if !ok {
		return ErrNoIDs
	}
	r.introduce(o, b, id, r.ids.base, zone)
	announce(o)
	if err := r.sendGenerate(o, others); err != nil {
		r.remove(o)
		return err
	}
	return nil
}

// introduce makes an object one of the repository's, and calls its methods up to
// SetLocation.
func (r *ClientRepository) introduce(o Object, b *boundClass, id, owner, zone uint32) {
	d := o.object()
	*d = DistributedObject{repository: r, self: o, class: b, doID: id, owner: owner, zone: zone}
	r.objects[id] = o
	if clock, ok := o.(networkClock); ok {
		r.clock = clock
	}
	if g, ok := o.(generateIniter); ok {
		g.GenerateInit()
	}
	if g, ok := o.(generater); ok {
		g.Generate()
	}
	d.setLocation(zone)
}

func announce(o Object) {
	if a, ok := o.(announceGenerater); ok {
		a.AnnounceGenerate()
	}
}

// sendGenerate sends an object with its required fields and others.
func (r *ClientRepository) sendGenerate(o Object, others []*dc.Field) (err error) {
	d := o.object()
	fields := r.fields[:0]
	for _, f := range d.class.required {
		if fields, err = d.class.value(fields, o, f); err != nil {
			return err
		}
	}
	fields = binary.LittleEndian.AppendUint16(fields, uint16(len(others)))
	for _, f := range others {
		fields = binary.LittleEndian.AppendUint16(fields, uint16(f.Number()))
		if fields, err = d.class.value(fields, o, f); err != nil {
			return err
		}
	}
	r.fields = fields
	r.payload = appendClientObjectGenerate(r.payload[:0], d.zone, uint16(d.class.dc.Number()), d.doID, fields)
	return r.sendPayload()
}

// sendState sends an object with everything that a program which begins to see it must
// know.
func (r *ClientRepository) sendState(o Object) error {
	var others []*dc.Field
	for _, f := range o.object().class.dc.InheritedFields() {
		if f.IsBroadcast() && f.IsRAM() && !f.IsRequired() && f.Kind() != dc.Molecular {
			others = append(others, f)
		}
	}
	return r.sendGenerate(o, others)
}

// own returns the DistributedObject of an object that this client owns.
func (r *ClientRepository) own(o Object) (*DistributedObject, error) {
	d := o.object()
	switch {
	case d.repository != r || d.deleted:
		return nil, ErrNoObject
	case !d.IsLocal():
		return nil, ErrNotLocal
	}
	return d, nil
}

// SetObjectZone moves an object of this client to another zone. It is Panda3D's
// setObjectZone.
func (r *ClientRepository) SetObjectZone(o Object, zone uint32) error {
	d, err := r.own(o)
	if err != nil {
		return err
	}
	r.payload = appendObjectSetZone(r.payload[:0], d.doID, zone)
	if err := r.sendPayload(); err != nil {
		return err
	}
	d.setLocation(zone)
	return r.sendState(o)
}

// SendDelete deletes an object of this client everywhere. In this program the
// object goes when the server has heard of it: then Disable and Delete are called,
// and its id is free. It is Panda3D's sendDeleteMsg.
//
// A request for generates that arrives meanwhile is not answered for this object.
// Panda3D's clients do answer it, and their server then has an object that nobody owns.
func (r *ClientRepository) SendDelete(o Object) error {
	d, err := r.own(o)
	if err != nil {
		return err
	}
	r.payload = appendIDs(r.payload[:0], objectDelete, d.doID)
	if err := r.sendPayload(); err != nil {
		return err
	}
	d.deleted = true
	return nil
}

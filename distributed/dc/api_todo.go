package dc

import "errors"

var errTODO = errors.New("dc: not there yet")

// ParseSources reads DC files as one, as ParseFiles does.
func ParseSources(sources ...Source) (*File, error) { return nil, errTODO }

// Pack appends the packed arguments to dst. On an error dst comes back as it was.
func (f *Field) Pack(dst []byte, args ...any) ([]byte, error) { return dst, errTODO }

// Unpack unpacks the arguments at the beginning of data. It also returns how many bytes
// they take; what follows them is not looked at. The result shares no memory with data.
func (f *Field) Unpack(data []byte) (args []any, n int, err error) { return nil, 0, errTODO }

// Scan unpacks like Unpack and stores the arguments in the variables that targets
// point to, one for each argument. A nil target skips its argument.
func (f *Field) Scan(data []byte, targets ...any) (n int, err error) { return 0, errTODO }

// Validate checks the arguments at the beginning of data as Unpack does, and returns how
// many bytes they take. It allocates nothing, unless it finds an error.
func (f *Field) Validate(data []byte) (n int, err error) { return 0, errTODO }

// FormatArgs returns the arguments at the beginning of data as text, as Panda3D's
// DCField.formatData does. With names every named value has "name = " before it.
func (f *Field) FormatArgs(data []byte, names bool) (string, error) { return "", errTODO }

// ParseArgs packs arguments that are given as text, such as "(1, 2.5, \"a\")" for a
// method and "7" for a data field, as Panda3D's DCField.parseString does.
func (f *Field) ParseArgs(text string) ([]byte, error) { return nil, errTODO }

// HasDefault says whether the declaration gives the field, or a part of it, a default.
func (f *Field) HasDefault() bool { return false }

// Default returns the default value, packed: the declared one, or else zero, the lowest
// number or the shortest string and array that the ranges allow. It fails for a value
// that would be longer than 1 MiB.
func (f *Field) Default() ([]byte, error) { return nil, errTODO }

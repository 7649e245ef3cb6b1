package dc

import "slices"

// Limits of what a text may declare, so that neither it nor a value of it can make the
// package use memory or time out of proportion.
const (
	maxDepth     = 64      // of types within types, and of brackets in values
	maxIntervals = 1000    // in one range
	maxWeight    = 1 << 16 // of a type: the values in it if no array has more than one element
	maxHashed    = 1 << 22 // of all fields together, as the hash visits them
	maxInherited = 1 << 22 // entries in the lists of inherited fields of all classes together
	maxAncestors = 256     // of a class
	maxValue     = 1 << 20 // bytes of defaults beyond those that are written out, in a file
)

// A parser reads DC files by recursive descent. What is wrong makes it panic with an
// *Error, which ParseSources recovers.
type parser struct {
	*lexer
	file     *File
	ahead    []token // tokens that were looked at but not taken
	things   map[string]any
	types    map[string]*Type // typedefs, and the classes and switches used as types
	keyword  map[string]*keyword
	depth    int
	classes  int // that are being read, one within the other
	expanded int // bytes that counts in values have made
	hashed   int // what the hash will visit
	listed   int // entries in the lists of inherited fields
}

// A keyword is known to the file: it was declared, or it is a built-in one.
type keyword struct {
	name     string
	declared bool // for the hash; a built-in one may be declared too
}

// ParseSources reads DC files as one, as ParseFiles does.
func ParseSources(sources ...Source) (file *File, err error) {
	p := &parser{
		file:    &File{byName: map[string]*Class{}},
		things:  map[string]any{},
		types:   map[string]*Type{},
		keyword: map[string]*keyword{},
	}
	defer func() {
		switch r := recover().(type) {
		case nil:
		case *Error:
			file, err = nil, r
		default:
			panic(r)
		}
	}()
	for _, source := range sources {
		p.lexer, p.ahead = newLexer(source.Name, string(source.Text)), nil
		p.declarations()
	}
	p.file.hash = hashFile(p.file)
	return p.file, nil
}

// look returns the token at a distance without taking it.
func (p *parser) look(distance int) token {
	for len(p.ahead) <= distance {
		p.ahead = append(p.ahead, p.lexer.next())
	}
	return p.ahead[distance]
}

// take returns the next token and goes on behind it.
func (p *parser) take() token {
	t := p.look(0)
	p.ahead = p.ahead[:copy(p.ahead, p.ahead[1:])]
	return t
}

// errorAt ends the parsing with an error at a token.
func (p *parser) errorAt(t token, format string, args ...any) {
	p.lexer.fail(t.line, t.column, format, args...)
}

// is says whether the next token is a punctuation mark.
func (p *parser) is(mark byte) bool { return p.look(0).kind == tokenKind(mark) }

// accept takes the next token if it is a certain punctuation mark.
func (p *parser) accept(mark byte) bool {
	if !p.is(mark) {
		return false
	}
	p.take()
	return true
}

// expect takes a punctuation mark that must come next.
func (p *parser) expect(mark byte) {
	if t := p.look(0); !p.accept(mark) {
		p.errorAt(t, "expected %q, found %v", mark, t)
	}
}

// isWord says whether the next token is a word of the grammar.
func (p *parser) isWord(word string) bool {
	t := p.look(0)
	return t.kind == tokName && t.text == word
}

var words = []string{"dclass", "struct", "from", "import", "keyword", "typedef", "switch", "case", "default", "break"}

// isIdentifier says whether a token is a name that a declaration may give: no word of the
// grammar, no basic type and no keyword.
func (p *parser) isIdentifier(t token) bool {
	if t.kind != tokName || slices.Contains(words, t.text) || p.isKeyword(t) {
		return false
	}
	_, basic := basicKind(t.text)
	return !basic
}

func (p *parser) isKeyword(t token) bool {
	return t.kind == tokName && (p.keyword[t.text] != nil || keywordBit[t.text]&builtIn != 0)
}

// identifier takes a name that must come next.
func (p *parser) identifier(what string) token {
	t := p.look(0)
	if !p.isIdentifier(t) {
		if p.isKeyword(t) {
			p.errorAt(t, "expected %s, found the keyword %q", what, t.text)
		}
		p.errorAt(t, "expected %s, found %v", what, t)
	}
	return p.take()
}

// optionalIdentifier takes a name if one comes next.
func (p *parser) optionalIdentifier() string {
	if !p.isIdentifier(p.look(0)) {
		return ""
	}
	return p.take().text
}

// deeper counts how deep declarations and values nest; its result takes it back.
func (p *parser) deeper() func() {
	p.depth++
	if p.depth > maxDepth {
		p.errorAt(p.look(0), "nested more than %d deep", maxDepth)
	}
	return func() { p.depth-- }
}

// declarations reads a whole file.
func (p *parser) declarations() {
	for {
		switch t := p.look(0); {
		case t.kind == tokEOF:
			return
		case p.accept(';'):
		case p.isWord("dclass"), p.isWord("struct"):
			p.addClass(p.take(), p.class(t.text == "struct"))
		case p.isWord("switch"):
			p.take()
			p.addThing(t, p.switchType())
		case p.isWord("import"), p.isWord("from"):
			p.imports()
		case p.isWord("typedef"):
			p.typedef()
		case p.isWord("keyword"):
			p.take()
			p.keywords()
		default:
			p.errorAt(t, "expected a declaration, found %v", t)
		}
	}
}

// imports reads "import module" or "from module import symbols".
func (p *parser) imports() {
	from := p.take().text == "from"
	i := Import{Module: p.path()}
	for p.accept('.') {
		i.Module += "." + p.path()
	}
	if from {
		if t := p.take(); t.kind != tokName || t.text != "import" {
			p.errorAt(t, `expected "import", found %v`, t)
		}
		if p.accept('*') {
			i.Symbols = []string{"*"}
		} else {
			i.Symbols = []string{p.path()}
			for p.accept(',') {
				i.Symbols = append(i.Symbols, p.path())
			}
		}
	}
	p.file.imports = append(p.file.imports, i)
	p.file.declared = append(p.file.declared, i)
}

// path reads names with slashes between them.
func (p *parser) path() string {
	s := p.identifier("a name").text
	for p.accept('/') {
		s += "/" + p.identifier("a name").text
	}
	return s
}

// keywords reads the names after "keyword".
func (p *parser) keywords() {
	for p.isKeyword(p.look(0)) || p.isIdentifier(p.look(0)) {
		k := p.useKeyword(p.take().text)
		k.declared = true
		p.file.declared = append(p.file.declared, k)
	}
}

// useKeyword returns a keyword that is declared or used.
func (p *parser) useKeyword(name string) *keyword {
	k := p.keyword[name]
	if k == nil {
		k = &keyword{name: name}
		p.keyword[name] = k
		p.file.keywords = append(p.file.keywords, name)
	}
	return k
}

// typedef reads a typedef.
func (p *parser) typedef() {
	t := p.take()
	parameter, _ := p.parameterWithDefault()
	if p.types[parameter.name] != nil {
		p.errorAt(t, "%q is already a type", parameter.name)
	}
	p.types[parameter.name] = parameter.typ.renamed(parameter.name)
	typedef := &Typedef{name: parameter.name, parameter: parameter}
	p.file.typedefs = append(p.file.typedefs, typedef)
	p.file.declared = append(p.file.declared, typedef)
}

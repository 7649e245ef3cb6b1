package dc_test

import (
	"errors"
	"fmt"
	"log"

	"github.com/queuednet/queuednet/distributed/dc"
)

const world = `
struct Item { uint16 kind; string name; };
dclass Avatar {
  setName(string (0-20) name) required broadcast ram;
  setXY(int16 / 10 x, int16 / 10 y) broadcast ram;
  setItems(Item items[]) ownrecv;
};`

func Example() {
	file, err := dc.Parse("world.dc", []byte(world))
	if err != nil {
		log.Fatal(err) // world.dc:4:11: there is no type "strnig" yet
	}
	setXY := file.Class("Avatar").Field("setXY")
	data, err := setXY.Pack(nil, 1.5, -2.5)
	fmt.Printf("%x %v\n", data, err)
	args, n, err := setXY.Unpack(data)
	fmt.Println(args, n, err)
	text, err := setXY.FormatArgs(data, true)
	fmt.Println(text, err)
	// Output:
	// 0f00e7ff <nil>
	// [1.5 -2.5] 4 <nil>
	// (x = 1.5, y = -2.5) <nil>
}

func ExampleField_Pack() {
	file := dc.MustParse(dc.Source{Name: "world.dc", Text: []byte(world)})
	setItems := file.Class("Avatar").Field("setItems")
	type Item struct {
		Kind uint16
		Name string
	}
	structs, err := setItems.Pack(nil, []Item{{1, "sword"}})
	fmt.Printf("%x %v\n", structs, err)
	lists, err := setItems.Pack(nil, []any{[]any{1, "sword"}})
	fmt.Printf("%x %v\n", lists, err)
	_, err = setItems.Pack(nil, []Item{{1, "sword"}, {2, "\xff"}})
	fmt.Println(err, errors.Is(err, dc.ErrUTF8))
	// Output:
	// 09000100050073776f7264 <nil>
	// 09000100050073776f7264 <nil>
	// dc: Avatar.setItems, items[1].name: not UTF-8 true
}

func ExampleField_Scan() {
	file := dc.MustParse(dc.Source{Name: "world.dc", Text: []byte(world)})
	setItems := file.Class("Avatar").Field("setItems")
	data, err := setItems.ParseArgs(`([{1, "sword"}, {2, "cup"}])`)
	if err != nil {
		log.Fatal(err)
	}
	var items []struct {
		Kind uint16
		Name string
	}
	n, err := setItems.Scan(data, &items)
	fmt.Println(items, n, err)
	// Output:
	// [{1 sword} {2 cup}] 18 <nil>
}

func ExamplePacker() {
	file := dc.MustParse(dc.Source{Name: "world.dc", Text: []byte(world)})
	p := file.Class("Avatar").Field("setItems").Packer(nil)
	p.Push() // the array
	p.Push() // its first struct
	p.Uint(1)
	p.String("sword")
	p.Pop()
	p.Pop()
	data, err := p.Finish()
	fmt.Printf("%x %v\n", data, err)
	// Output:
	// 09000100050073776f7264 <nil>
}

func ExampleUnpacker() {
	file := dc.MustParse(dc.Source{Name: "world.dc", Text: []byte(world)})
	u := file.Class("Avatar").Field("setItems").Unpacker([]byte("\x09\x00\x01\x00\x05\x00sword"))
	for u.Push(); u.More(); {
		u.Push()
		fmt.Println(u.Uint(), u.String())
		u.Pop()
	}
	u.Pop()
	n, err := u.Finish()
	fmt.Println(n, err)
	// Output:
	// 1 sword
	// 11 <nil>
}

func ExampleField_Validate() {
	file := dc.MustParse(dc.Source{Name: "world.dc", Text: []byte(world)})
	setName := file.Class("Avatar").Field("setName")
	for _, data := range []string{"\x02\x00Jo", "\x03\x00Jo", "\x02\x00\xc3\x28"} {
		n, err := setName.Validate([]byte(data))
		fmt.Println(n, err)
	}
	// Output:
	// 4 <nil>
	// 0 dc: Avatar.setName, name: malformed data: the data ends too early
	// 0 dc: Avatar.setName, name: not UTF-8
}

func ExampleClass_InheritedFields() {
	file := dc.MustParse(dc.Source{Name: "world.dc", Text: []byte(world + `
		dclass Player : Avatar { setName(string name) broadcast; setScore(uint32 score) broadcast; };`)})
	for _, f := range file.Class("Player").InheritedFields() {
		fmt.Println(f.Number(), f.Class(), f)
	}
	// Output:
	// 3 Avatar setXY(int16/10 x, int16/10 y) broadcast ram
	// 4 Avatar setItems(Item items[]) ownrecv
	// 5 Player setName(string name) broadcast
	// 6 Player setScore(uint32 score) broadcast
}

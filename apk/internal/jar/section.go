package jar

import (
	"bytes"
	"iter"
	"strings"
)

// section is one section of a manifest or signature file, with the blank line that ends it.
type section struct {
	raw   []byte
	name  string
	named bool
}

// attribute is one line of a section, with its continuation lines.
type attribute struct{ name, value string }

// sections reads the sections of a file, of which the first is the main one. The rules are those of the platform's
// parser, not those of the JAR specification: a line ends with CR, LF or both, may have any length, and a section needs
// no form but to have a line.
func sections(data []byte) iter.Seq[section] {
	return func(yield func(section) bool) {
		for len(data) > 0 {
			line, n := nextLine(data)
			if len(line) == 0 {
				data = data[n:]
				continue
			}
			s := section{raw: data[:sectionLength(data)]}
			data = data[len(s.raw):]
			if first, _ := nextAttribute(s.raw); strings.EqualFold(first.name, "Name") {
				s.name, s.named = first.value, true
			}
			if !yield(s) {
				return
			}
		}
	}
}

// sectionLength is the length of the section that data begins with.
func sectionLength(data []byte) int {
	for at := 0; at < len(data); {
		line, n := nextLine(data[at:])
		at += n
		if len(line) == 0 {
			return at
		}
	}
	return len(data)
}

// nextLine returns the first line without its end, and its length with it.
func nextLine(data []byte) (line []byte, n int) {
	i := bytes.IndexAny(data, "\r\n")
	switch {
	case i < 0:
		return data, len(data)
	case data[i] == '\r' && i+1 < len(data) && data[i+1] == '\n':
		return data[:i], i + 2
	}
	return data[:i], i + 1
}

// nextAttribute reads the attribute that raw begins with. Name and value are parted by a colon and one space, and keep
// all other spaces, which packers of obfuscated packages put there.
func nextAttribute(raw []byte) (a attribute, n int) {
	line, n := nextLine(raw)
	joined := false
	for n < len(raw) && raw[n] == ' ' {
		more, m := nextLine(raw[n:])
		if !joined {
			line, joined = bytes.Clone(line), true
		}
		line = append(line, more[1:]...)
		n += m
	}
	name, value, _ := bytes.Cut(line, []byte(": "))
	return attribute{string(name), string(value)}, n
}

// attributes are those of the section in their order.
func (s section) attributes() (out attributes) {
	for raw := s.raw; len(raw) > 0; {
		if line, n := nextLine(raw); len(line) == 0 {
			raw = raw[n:]
			continue
		}
		a, n := nextAttribute(raw)
		raw = raw[n:]
		if out = append(out, a); len(out) == maxAttributes {
			break
		}
	}
	return out
}

// maxAttributes of a section are looked at. What is behind them reads as missing, never as matching.
const maxAttributes = 1000

type attributes []attribute

// get returns the first attribute of a name in any case.
func (a attributes) get(name string) (string, bool) {
	for _, x := range a {
		if strings.EqualFold(x.name, name) {
			return x.value, true
		}
	}
	return "", false
}

package atlas

import "strings"

// Path is an account's place in the tree: the ids of its ancestors and of
// itself, highest first, joined by '/'. It is derived from parent ids and
// stored beside them so that a subtree is one range of an index.
type Path string

// Child returns the path of the account id below p; below the empty path it
// is the path of an Admin.
func (p Path) Child(id AccountID) Path {
	if p == "" {
		return Path(id)
	}
	return p + "/" + Path(id)
}

// Contains reports whether q is p or lies below it. The empty path contains
// nothing: what has no place in the tree rules over nothing.
func (p Path) Contains(q Path) bool { return p != "" && (p == q || p.Above(q)) }

// Above reports whether q lies below p.
func (p Path) Above(q Path) bool {
	return p != "" && len(q) > len(p)+1 && q[len(p)] == '/' && q[:len(p)] == p
}

// Line returns the paths of p's ancestors and of p itself, highest first.
func (p Path) Line() []Path {
	if p == "" {
		return nil
	}
	var out []Path
	for i := range len(p) {
		if p[i] == '/' {
			out = append(out, p[:i])
		}
	}
	return append(out, p)
}

// Parent returns the path above p, empty for an Admin.
func (p Path) Parent() Path {
	return p[:max(strings.LastIndexByte(string(p), '/'), 0)]
}

// Account returns the id of the account at p.
func (p Path) Account() AccountID {
	return AccountID(p[strings.LastIndexByte(string(p), '/')+1:])
}

// Depth is the number of accounts on the line to p: 1 for an Admin.
func (p Path) Depth() int {
	if p == "" {
		return 0
	}
	return strings.Count(string(p), "/") + 1
}

// Tenant returns the account below Admin on the line to p: the top reseller,
// or the client directly under an Admin. For an Admin it is the Admin. It is
// on every tenant's row so that the data can be distributed by it.
func (p Path) Tenant() AccountID {
	line := p.Line()
	if len(line) < 2 {
		return AccountID(p)
	}
	return line[1].Account()
}

// Bounds returns the half-open range [from, to) of texts that holds exactly
// the paths strictly below p when compared byte by byte (COLLATE "C"): '0' is
// the byte after '/'. A range needs no escaping, unlike LIKE.
func (p Path) Bounds() (from, to string) { return string(p) + "/", string(p) + "0" }

package pmap

func (n *node[V]) find(key string) *node[V] {
	for n != nil && n.key != key {
		if key < n.key {
			n = n.left
		} else {
			n = n.right
		}
	}
	return n
}

// over reports whether n belongs above o. Keys break ties, so that two nodes
// always have one order and the shape stays a function of the content.
func (n *node[V]) over(o *node[V]) bool {
	return n.priority > o.priority || n.priority == o.priority && n.key < o.key
}

// replace returns the tree with another value under a key that it has.
func (n *node[V]) replace(key string, value V) *node[V] {
	c := *n
	switch {
	case key < n.key:
		c.left = n.left.replace(key, value)
	case key > n.key:
		c.right = n.right.replace(key, value)
	default:
		c.value = value
	}
	return &c
}

// insert returns the tree with the new node x, whose key it does not have. It
// sets the children of x.
func (n *node[V]) insert(x *node[V]) *node[V] {
	if n == nil {
		return x
	}
	if x.over(n) {
		x.left, x.right = n.split(x.key)
		return x
	}
	c := *n
	if x.key < n.key {
		c.left = n.left.insert(x)
	} else {
		c.right = n.right.insert(x)
	}
	return &c
}

// split returns the parts of the tree below and above a key that it does not
// have.
func (n *node[V]) split(key string) (below, above *node[V]) {
	if n == nil {
		return nil, nil
	}
	c := *n
	if n.key < key {
		c.right, above = n.right.split(key)
		return &c, above
	}
	below, c.left = n.left.split(key)
	return below, &c
}

// remove returns the tree without a key that it has.
func (n *node[V]) remove(key string) *node[V] {
	if n.key == key {
		return join(n.left, n.right)
	}
	c := *n
	if key < n.key {
		c.left = n.left.remove(key)
	} else {
		c.right = n.right.remove(key)
	}
	return &c
}

// join returns one tree of two, where all keys of a are below those of b.
func join[V any](a, b *node[V]) *node[V] {
	if a == nil {
		return b
	}
	if b == nil {
		return a
	}
	if a.over(b) {
		c := *a
		c.right = join(a.right, b)
		return &c
	}
	c := *b
	c.left = join(a, b.left)
	return &c
}

func (n *node[V]) ascend(from, to string, yield func(string, V) bool) bool {
	switch {
	case n == nil:
		return true
	case n.key < from:
		return n.right.ascend(from, to, yield)
	case to != "" && n.key >= to:
		return n.left.ascend(from, to, yield)
	}
	return n.left.ascend(from, to, yield) && yield(n.key, n.value) && n.right.ascend(from, to, yield)
}

func (n *node[V]) descend(from, to string, yield func(string, V) bool) bool {
	switch {
	case n == nil:
		return true
	case n.key < from:
		return n.right.descend(from, to, yield)
	case to != "" && n.key >= to:
		return n.left.descend(from, to, yield)
	}
	return n.right.descend(from, to, yield) && yield(n.key, n.value) && n.left.descend(from, to, yield)
}

// priority hashes key: FNV-1a, then the finalizer of MurmurHash3, because the
// upper bits of the former alone follow the last bytes of similar keys.
func priority(key string) uint32 {
	h := uint64(14695981039346656037)
	for i := range len(key) {
		h = (h ^ uint64(key[i])) * 1099511628211
	}
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	return uint32(h >> 32)
}

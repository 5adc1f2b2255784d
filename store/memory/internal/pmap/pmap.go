// Package pmap is an ordered map from text that never changes: an update
// returns another map and shares with the old one all that is the same. A
// copy of such a map costs one word, and whoever holds one may read it while
// others make new ones of it.
//
// It is a treap (Seidel and Aragon, "Randomized search trees", 1996) whose
// priorities are hashes of the keys, so that its shape depends on what is in
// it and not on how it came there. Get, With and Without take O(log n) steps
// for keys that nobody chose in order to make it deep.
package pmap

import "iter"

// Map is an ordered map. Its zero value is empty.
type Map[V any] struct {
	root *node[V]
	size int
}

// node is never changed once it is reachable from a Map.
type node[V any] struct {
	key         string
	value       V
	priority    uint32
	left, right *node[V]
}

// Len returns the number of keys.
func (m Map[V]) Len() int { return m.size }

// Get returns what is stored under key.
func (m Map[V]) Get(key string) (V, bool) {
	if n := m.root.find(key); n != nil {
		return n.value, true
	}
	var none V
	return none, false
}

// With returns the map with value under key.
func (m Map[V]) With(key string, value V) Map[V] {
	if m.root.find(key) != nil {
		return Map[V]{root: m.root.replace(key, value), size: m.size}
	}
	n := &node[V]{key: key, value: value, priority: priority(key)}
	return Map[V]{root: m.root.insert(n), size: m.size + 1}
}

// Without returns the map without key.
func (m Map[V]) Without(key string) Map[V] {
	if m.root.find(key) == nil {
		return m
	}
	return Map[V]{root: m.root.remove(key), size: m.size - 1}
}

// Ascend walks through the keys k with from <= k < to, smallest first. Keys
// compare byte by byte; an empty to is no bound.
func (m Map[V]) Ascend(from, to string) iter.Seq2[string, V] {
	return func(yield func(string, V) bool) { m.root.ascend(from, to, yield) }
}

// Descend walks through the same keys as Ascend, greatest first.
func (m Map[V]) Descend(from, to string) iter.Seq2[string, V] {
	return func(yield func(string, V) bool) { m.root.descend(from, to, yield) }
}

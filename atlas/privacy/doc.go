// Package privacy answers what personal data a deployment keeps, of whom, why
// and for how long.
//
// Every field of every stored record names its class of data in a tag:
//
//	Name string `data:"device.identity"`
//
// The classes, with their purposes and retention, are atlas.DataClasses.
// [RecordsOf] finds the records in a storage interface, [Map] reads their tags
// and fails on a field without one, so that a test keeps the map complete, and
// [Write] prints it as the record of processing activities that Article 30 of
// the GDPR (Regulation (EU) 2016/679) asks for.
package privacy

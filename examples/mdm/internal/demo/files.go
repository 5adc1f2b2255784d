package demo

import _ "embed"

// The packages of the story are the signed test packages of package apk: one
// application, once by its own signer and once by another.
//
//go:generate cp ../../../../apk/testdata/tiny.apk tiny.apk
//go:generate cp ../../../../apk/testdata/tiny-othersigner.apk tiny-othersigner.apk

//go:embed tiny.apk
var tinyAPK []byte

//go:embed tiny-othersigner.apk
var forgedAPK []byte

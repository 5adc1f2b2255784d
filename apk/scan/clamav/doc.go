// Package clamav asks a ClamAV daemon about packages, over the protocol of clamd(8): VERSION, then INSTREAM on a second
// connection, over a Unix socket or TCP. TCP is neither encrypted nor authenticated; it is for a network of one's own.
//
// Clean is answered only where the daemon has dated signatures (or has just found a [Options.Probe]), took the whole
// file, and said in so many words that it is fine. All else is an error: a daemon that is down, slow, cut off or out of
// date, a file over a limit, an answer before the file's end, an answer that isn't known.
//
// # How clamd must be set up
//
// A file over clamd's own MaxFileSize or MaxScanSize is not looked at, and reported as fine. Options.MaxSize must
// therefore stay below the three of StreamMaxLength, MaxFileSize and MaxScanSize, and "AlertExceedsMax yes" should be
// set, which makes clamd tell; that answer is ErrTooLarge here. [Scanner.Check] proves both at start.
package clamav

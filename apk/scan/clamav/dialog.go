package clamav

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// dial connects to clamd for as long as ctx lasts.
func (s *Scanner) dial(ctx context.Context) (net.Conn, func(), error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, s.o.Network, s.o.Address)
	if err != nil {
		return nil, nil, failed(ctx, "connect", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })
	return c, func() { stop(); _ = c.Close() }, nil
}

// ask sends one command that has no body.
func (s *Scanner) ask(ctx context.Context, command string) (string, error) {
	c, end, err := s.dial(ctx)
	if err != nil {
		return "", err
	}
	defer end()
	if _, err := io.WriteString(c, "z"+command+"\x00"); err != nil {
		return "", failed(ctx, "send "+command, err)
	}
	text, err := readAnswer(c)
	if err != nil {
		return "", failed(ctx, "answer to "+command, err)
	}
	return text, nil
}

// answer is what a connection brought until its end. A text with an error is good for saying what went wrong only.
type answer struct {
	text string
	err  error
}

// stream sends size bytes of r and returns the signature that clamd found, or "".
func (s *Scanner) stream(ctx context.Context, r io.ReaderAt, size int64) (string, error) {
	c, end, err := s.dial(ctx)
	if err != nil {
		return "", err
	}
	defer end()
	answers := make(chan answer, 1)
	go func() {
		text, err := readAnswer(c)
		answers <- answer{text, err}
	}()
	if err := s.send(ctx, c, r, size, answers); err != nil {
		return "", err
	}
	a := <-answers
	if a.err != nil {
		return "", failed(ctx, "verdict", a.err)
	}
	return parseVerdict(a.text)
}

// send writes the file in chunks, each after its length in four bytes, big-endian, and the length zero at the end. An
// answer that comes before that end is never a verdict, whatever it says.
func (s *Scanner) send(ctx context.Context, c net.Conn, r io.ReaderAt, size int64, answers <-chan answer) error {
	if _, err := io.WriteString(c, "zINSTREAM\x00"); err != nil {
		return failed(ctx, "send INSTREAM", err)
	}
	const head = 4
	buf := make([]byte, head+int(min(int64(s.o.ChunkSize), size)))
	for off := int64(0); off < size; {
		n := int(min(size-off, int64(len(buf)-head)))
		if got, err := r.ReadAt(buf[head:head+n], off); got < n {
			return failed(ctx, "read the file", short(err))
		}
		binary.BigEndian.PutUint32(buf, uint32(n))
		if _, err := c.Write(buf[:head+n]); err != nil {
			return early(ctx, err, <-answers)
		}
		off += int64(n)
		select {
		case a := <-answers:
			return early(ctx, errStopped, a)
		default:
		}
	}
	if _, err := c.Write(make([]byte, head)); err != nil {
		return early(ctx, err, <-answers)
	}
	return nil
}

func short(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

var errStopped = errors.New("clamd stopped listening")

// early says why clamd stopped listening; sending is the error of the write that it refused.
func early(ctx context.Context, sending error, a answer) error {
	switch {
	case a.text == "" && a.err != nil:
		return failed(ctx, "send the file", fmt.Errorf("%w (%w)", a.err, sending))
	case ctx.Err() != nil:
		return failed(ctx, "send the file", ctx.Err())
	}
	if _, err := parseVerdict(a.text); err != nil {
		return err
	}
	return fmt.Errorf("%w: %.*q before the end of the file", ErrAnswer, maxShown, a.text)
}

// readAnswer reads until clamd closes the connection, as it does after a command outside of a session: one text that
// ends with a NUL byte. Anything behind that byte makes the answer useless.
func readAnswer(c net.Conn) (string, error) {
	data, err := io.ReadAll(io.LimitReader(c, maxAnswer+1))
	if err != nil {
		// A connection that clamd resets, since it wanted no more of the file, may still have brought its reason.
		text, _, _ := bytes.Cut(data, []byte{0})
		return string(text), err
	}
	if len(data) > maxAnswer {
		return "", fmt.Errorf("%w: more than %d bytes", ErrAnswer, maxAnswer)
	}
	text, rest, whole := bytes.Cut(data, []byte{0})
	if !whole || len(rest) > 0 {
		return "", fmt.Errorf("%w: cut off, or more than one: %.*q", ErrAnswer, maxShown, data)
	}
	return string(text), nil
}

// failed names the step, and the end of the context where that is behind the error.
func failed(ctx context.Context, step string, err error) error {
	if cause := ctx.Err(); cause != nil {
		return fmt.Errorf("clamav: %s: %w", step, cause)
	}
	return fmt.Errorf("clamav: %s: %w", step, err)
}

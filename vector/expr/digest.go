package expr

import (
	"crypto/md5"  //nolint:gosec // SQL has it
	"crypto/sha1" //nolint:gosec // SQL has it
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
)

// codecFunctions hash, encode and decode strings and bytes.
func codecFunctions() map[string]maker {
	return map[string]maker{
		"md5":    digest(func(dst, b []byte) []byte { s := md5.Sum(b); return append(dst, s[:]...) }),  //nolint:gosec // SQL has it
		"sha1":   digest(func(dst, b []byte) []byte { s := sha1.Sum(b); return append(dst, s[:]...) }), //nolint:gosec // SQL has it
		"sha224": digest(sum224),
		"sha256": digest(sum256),
		"sha384": digest(sum384),
		"sha512": digest(sum512),
		"sha2":   sha2,
		"to_base64": mapBytes("S", func(dst []byte, s string) ([]byte, error) {
			return base64.StdEncoding.AppendEncode(dst, []byte(s)), nil
		}),
		"from_base64": mapBytes("S", fromBase64),
		"hex":         hexOf,
		"unhex":       mapBytes("s", unhex),
		"bin":         simple("i", bin),
		"encode":      charset("ss", encodeCharset),
		"decode":      charset("ys", decodeCharset),
		"url_encode":  mapText(func(dst []byte, s string) ([]byte, error) { return appendURL(dst, s), nil }),
		"url_decode":  mapText(decodeURL),
		"parse_url":   parseURL,
	}
}

// mapBytes is string or bytes → string or bytes.
func mapBytes(sig string, row func(dst []byte, s string) ([]byte, error)) maker {
	return simple(sig, func(t arrow.DataType) kernel {
		return textOf(t, func(_ *frame, args []value) (func(i int, dst []byte) ([]byte, error), error) {
			in := viewsOf(args[0])
			return func(i int, dst []byte) ([]byte, error) { return row(dst, in.at(i)) }, nil
		})
	})
}

func digest(sum func(dst, b []byte) []byte) maker {
	return simple("S", func(t arrow.DataType) kernel {
		return textOf(t, func(_ *frame, args []value) (func(i int, dst []byte) ([]byte, error), error) {
			in := viewsOf(args[0])
			var buf [sha512.Size]byte
			return func(i int, dst []byte) ([]byte, error) { return hex.AppendEncode(dst, sum(buf[:0], in.bytes(i))), nil }, nil
		})
	})
}

func sum224(dst, b []byte) []byte { s := sha256.Sum224(b); return append(dst, s[:]...) }
func sum256(dst, b []byte) []byte { s := sha256.Sum256(b); return append(dst, s[:]...) }
func sum384(dst, b []byte) []byte { s := sha512.Sum384(b); return append(dst, s[:]...) }
func sum512(dst, b []byte) []byte { s := sha512.Sum512(b); return append(dst, s[:]...) }

// sha2 is sha2(s, bits); other than 224, 256, 384 and 512 bits give NULL.
func sha2(c *compiler, e *Call) (node, error) {
	return simple("Si", func(t arrow.DataType) kernel {
		return textOf(t, func(f *frame, args []value) (func(i int, dst []byte) ([]byte, error), error) {
			in, bits := viewsOf(args[0]), integers(f, args[1])
			var buf [sha512.Size]byte
			return func(i int, dst []byte) ([]byte, error) {
				var sum func(dst, b []byte) []byte
				switch bits.at(i) {
				case 224:
					sum = sum224
				case 256:
					sum = sum256
				case 384:
					sum = sum384
				case 512:
					sum = sum512
				default:
					return dst, errNull
				}
				return hex.AppendEncode(dst, sum(buf[:0], in.bytes(i))), nil
			}, nil
		})
	})(c, e)
}

func fromBase64(dst []byte, s string) ([]byte, error) {
	out, err := base64.StdEncoding.AppendDecode(dst, []byte(s))
	if err != nil {
		if out, err = base64.RawStdEncoding.AppendDecode(dst, []byte(s)); err != nil {
			return dst, errNull
		}
	}
	return out, nil
}

const upperHex = "0123456789ABCDEF"

// hexOf prints a number or the bytes of a string in hexadecimal.
func hexOf(c *compiler, e *Call) (node, error) {
	if len(e.Args) == 1 && isInteger(e.Args[0].Type()) {
		return c.call(e, textOf(e.Of, func(f *frame, args []value) (func(i int, dst []byte) ([]byte, error), error) {
			in := integers(f, args[0])
			return func(i int, dst []byte) ([]byte, error) {
				from := len(dst)
				dst = strconv.AppendUint(dst, uint64(in.at(i)), 16)
				for k := from; k < len(dst); k++ {
					if dst[k] >= 'a' {
						dst[k] -= 'a' - 'A'
					}
				}
				return dst, nil
			}, nil
		}), e.Args[0])
	}
	return mapBytes("S", func(dst []byte, s string) ([]byte, error) {
		for i := range len(s) {
			dst = append(dst, upperHex[s[i]>>4], upperHex[s[i]&15])
		}
		return dst, nil
	})(c, e)
}

func unhex(dst []byte, s string) ([]byte, error) {
	if len(s)%2 == 1 { // Flink checks the odd digit, and makes a zero of it
		if !strings.ContainsRune("0123456789abcdefABCDEF", rune(s[0])) {
			return dst, errNull
		}
		s, dst = s[1:], append(dst, 0)
	}
	out, err := hex.AppendDecode(dst, []byte(s))
	if err != nil {
		return dst, errNull
	}
	return out, nil
}

func bin(t arrow.DataType) kernel {
	return textOf(t, func(f *frame, args []value) (func(i int, dst []byte) ([]byte, error), error) {
		in := integers(f, args[0])
		return func(i int, dst []byte) ([]byte, error) { return strconv.AppendUint(dst, uint64(in.at(i)), 2), nil }, nil
	})
}

func charset(sig string, row func(dst []byte, s, name string) ([]byte, error)) maker {
	return simple(sig, func(t arrow.DataType) kernel {
		return textOf(t, func(_ *frame, args []value) (func(i int, dst []byte) ([]byte, error), error) {
			in, name := viewsOf(args[0]), viewsOf(args[1])
			return func(i int, dst []byte) ([]byte, error) { return row(dst, in.at(i), name.at(i)) }, nil
		})
	})
}

func errCharset(name string) error {
	return fmt.Errorf("there is no character set '%s'; use UTF-8, UTF-16, UTF-16LE, UTF-16BE, US-ASCII or ISO-8859-1", name)
}

func encodeCharset(dst []byte, s, name string) ([]byte, error) {
	switch strings.ToUpper(name) {
	case "UTF-8", "UTF8":
		return append(dst, s...), nil
	case "US-ASCII", "ASCII", "ISO-8859-1", "LATIN1":
		limit := rune(256)
		if strings.HasSuffix(strings.ToUpper(name), "ASCII") {
			limit = 128
		}
		for _, r := range s {
			if r >= limit {
				r = '?'
			}
			dst = append(dst, byte(r))
		}
		return dst, nil
	case "UTF-16":
		return appendUTF16(append(dst, 0xfe, 0xff), s, 1), nil
	case "UTF-16BE":
		return appendUTF16(dst, s, 1), nil
	case "UTF-16LE":
		return appendUTF16(dst, s, 0), nil
	}
	return dst, errCharset(name)
}

// appendUTF16 writes the low byte of each unit at place low.
func appendUTF16(dst []byte, s string, low int) []byte {
	var unit [2]byte
	put := func(u uint16) {
		unit[low], unit[1-low] = byte(u), byte(u>>8)
		dst = append(dst, unit[:]...)
	}
	for _, r := range s {
		if r < 0x10000 {
			put(uint16(r))
			continue
		}
		a, b := utf16.EncodeRune(r)
		put(uint16(a))
		put(uint16(b))
	}
	return dst
}

func decodeCharset(dst []byte, s, name string) ([]byte, error) {
	switch strings.ToUpper(name) {
	case "UTF-8", "UTF8":
		return append(dst, strings.ToValidUTF8(s, "\ufffd")...), nil
	case "US-ASCII", "ASCII", "ISO-8859-1", "LATIN1":
		for i := range len(s) {
			dst = utf8.AppendRune(dst, rune(s[i]))
		}
		return dst, nil
	case "UTF-16":
		switch {
		case strings.HasPrefix(s, "\xff\xfe"):
			return decodeUTF16(dst, s[2:], 0), nil
		case strings.HasPrefix(s, "\xfe\xff"):
			s = s[2:]
		}
		return decodeUTF16(dst, s, 1), nil
	case "UTF-16BE":
		return decodeUTF16(dst, s, 1), nil
	case "UTF-16LE":
		return decodeUTF16(dst, s, 0), nil
	}
	return dst, errCharset(name)
}

func decodeUTF16(dst []byte, s string, low int) []byte {
	var high rune
	for ; len(s) >= 2; s = s[2:] {
		r := rune(s[low]) | rune(s[1-low])<<8
		switch {
		case high != 0:
			dst = utf8.AppendRune(dst, utf16.DecodeRune(high, r))
			high = 0
		case utf16.IsSurrogate(r):
			high = r
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	return dst
}

// appendURL escapes as Java's URLEncoder does.
func appendURL(dst []byte, s string) []byte {
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte(".-*_", c) >= 0:
			dst = append(dst, c)
		case c == ' ':
			dst = append(dst, '+')
		default:
			dst = append(dst, '%', upperHex[c>>4], upperHex[c&15])
		}
	}
	return dst
}

func decodeURL(dst []byte, s string) ([]byte, error) {
	out, err := url.QueryUnescape(s)
	if err != nil {
		return dst, errNull
	}
	return append(dst, out...), nil
}

// parseURL is parse_url(url, part [, key]).
func parseURL(c *compiler, e *Call) (node, error) {
	return simple("ss?s", func(t arrow.DataType) kernel {
		return textOf(t, func(_ *frame, args []value) (func(i int, dst []byte) ([]byte, error), error) {
			in := readTexts(args)
			return func(i int, dst []byte) ([]byte, error) {
				u, err := url.Parse(in[0].at(i))
				if err != nil {
					return dst, errNull
				}
				part := urlPart(u, in[1].at(i))
				if len(in) == 3 {
					if in[1].at(i) != "QUERY" {
						return dst, errNull
					}
					part = queryValue(u.RawQuery, in[2].at(i))
				}
				if part == nil {
					return dst, errNull
				}
				return append(dst, *part...), nil
			}, nil
		})
	})(c, e)
}

// urlPart returns a part of a URL, or nil when it has none.
func urlPart(u *url.URL, part string) *string {
	some := func(s string) *string {
		if s == "" {
			return nil
		}
		return &s
	}
	switch part {
	case "HOST":
		return some(u.Hostname())
	case "PATH":
		path := u.EscapedPath()
		return &path
	case "QUERY":
		return some(u.RawQuery)
	case "REF":
		return some(u.EscapedFragment())
	case "PROTOCOL":
		return some(u.Scheme)
	case "FILE":
		file := u.EscapedPath()
		if u.RawQuery != "" {
			file += "?" + u.RawQuery
		}
		return &file
	case "AUTHORITY":
		if u.User != nil {
			return some(u.User.String() + "@" + u.Host)
		}
		return some(u.Host)
	case "USERINFO":
		if u.User != nil {
			return some(u.User.String())
		}
	}
	return nil
}

func queryValue(query, key string) *string {
	for query != "" {
		var pair string
		pair, query, _ = strings.Cut(query, "&")
		if k, v, ok := strings.Cut(pair, "="); ok && k == key {
			return &v
		}
	}
	return nil
}

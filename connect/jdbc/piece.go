package jdbc

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/klauspost/compress/zstd"
)

// A piece is changes that are staged, as one value of bytes:
//
//	piece   version:u8 zstd(puts removes)
//	puts    rows:uvarint, and of each column its lengths, then its bytes
//	removes the same of the columns of the key
//	length  uvarint: 0 is NULL, and n+1 so many bytes
//
// zstd's checksum covers it.
const pieceVersion = 1

// A piece holds so many bytes of values at the most, unless one row alone has more.
const largestPiece = 2 << 20

var errPiece = errors.New("damaged")

// packer writes pieces.
type packer struct {
	zstd *zstd.Encoder
	raw  []byte // scratch
}

func newPacker() (*packer, error) {
	z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithLowerEncoderMem(true))
	return &packer{zstd: z}, err
}

// pack appends a piece.
func (p *packer) pack(dst []byte, c changes) []byte {
	p.raw = appendRows(appendRows(p.raw[:0], c.puts), c.removes)
	return p.zstd.EncodeAll(p.raw, append(dst, pieceVersion))
}

func appendRows(dst []byte, rows []params) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(rows)))
	if len(rows) == 0 {
		return dst
	}
	for column := range rows[0] {
		for _, r := range rows {
			n := uint64(0)
			if v := r[column]; v != nil {
				n = uint64(len(v)) + 1
			}
			dst = binary.AppendUvarint(dst, n)
		}
		for _, r := range rows {
			dst = append(dst, r[column]...)
		}
	}
	return dst
}

// unpacker reads pieces.
type unpacker struct{ zstd *zstd.Decoder }

func newUnpacker() (*unpacker, error) {
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
	return &unpacker{zstd: z}, err
}

// unpack adds the changes of a piece, of rows with so many columns and keys of so
// many.
func (u *unpacker) unpack(to *latest, piece []byte, columns, keys int) error {
	if len(piece) == 0 || piece[0] != pieceVersion {
		return errors.New("of a version that this program does not read")
	}
	raw, err := u.zstd.DecodeAll(piece[1:], nil)
	if err != nil {
		return fmt.Errorf("%w: %w", errPiece, err)
	}
	puts, raw, err := cutRows(raw, columns)
	if err != nil {
		return err
	}
	removes, raw, err := cutRows(raw, keys)
	if err != nil || len(raw) > 0 {
		return errPiece
	}
	for _, row := range puts {
		to.put(row)
	}
	for _, key := range removes {
		to.remove(key)
	}
	return nil
}

// cutRows reads rows, whose values stay in raw.
func cutRows(raw []byte, columns int) (rows []params, rest []byte, err error) {
	n, raw, ok := cutNumber(raw)
	if !ok || n > uint64(len(raw)) || n > 0 && columns == 0 {
		return nil, nil, errPiece
	}
	values := make(params, int(n)*columns)
	lengths := make([]uint64, n)
	for column := range columns {
		for i := range lengths {
			if lengths[i], raw, ok = cutNumber(raw); !ok {
				return nil, nil, errPiece
			}
		}
		for i, length := range lengths {
			if length == 0 {
				continue
			}
			if length--; length > uint64(len(raw)) {
				return nil, nil, errPiece
			}
			values[i*columns+column], raw = raw[:length:length], raw[length:]
		}
	}
	for ; len(values) > 0; values = values[columns:] {
		rows = append(rows, values[:columns:columns])
	}
	return rows, raw, nil
}

func cutNumber(raw []byte) (n uint64, rest []byte, ok bool) {
	n, size := binary.Uvarint(raw)
	if size <= 0 {
		return 0, nil, false
	}
	return n, raw[size:], true
}

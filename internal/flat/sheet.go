package flat

import (
	"encoding/csv"
	"fmt"
	"io"
)

// cell is a column: its name, and what a row has there.
type cell[V any] interface {
	title() string
	text(v V) (string, error)
}

// sheet writes rows under one header. Nothing is written before the first one, or Flush.
type sheet[V any, C cell[V]] struct {
	csv     *csv.Writer
	columns []C
	headed  bool
}

func sheetOf[V any, C cell[V]](w io.Writer, columns []C) sheet[V, C] {
	return sheet[V, C]{csv: csv.NewWriter(w), columns: columns}
}

func (s *sheet[V, C]) add(v V) error {
	if err := s.head(); err != nil {
		return err
	}
	row := make([]string, len(s.columns))
	for i, c := range s.columns {
		text, err := c.text(v)
		if err != nil {
			return fmt.Errorf("column %s: %w", c.title(), err)
		}
		row[i] = text
	}
	return s.csv.Write(row)
}

// Flush writes what is buffered, and the header of a list without rows.
func (s *sheet[V, C]) Flush() error {
	if err := s.head(); err != nil {
		return err
	}
	s.csv.Flush()
	return s.csv.Error()
}

func (s *sheet[V, C]) head() error {
	if s.headed {
		return nil
	}
	s.headed = true
	names := make([]string, len(s.columns))
	for i, c := range s.columns {
		names[i] = c.title()
	}
	return s.csv.Write(names)
}

package fleet

import (
	"fmt"
	"math/big"
	"time"
)

// Money is an exact amount: millionths of a unit of an ISO 4217 currency.
type Money struct {
	Micros   int64  `json:"micros"`
	Currency string `json:"currency"`
}

// String renders the amount with six decimals and the currency.
func (m Money) String() string {
	sign, v := "", m.Micros
	if v < 0 {
		sign, v = "-", -v
	}
	return fmt.Sprintf("%s%d.%06d %s", sign, v/1e6, v%1e6, m.Currency)
}

// Add gives m + o. Different currencies are a defect of the caller and an error;
// a zero Money takes the other's currency.
func (m Money) Add(o Money) (Money, error) {
	switch {
	case m == Money{}:
		return o, nil
	case o == Money{}:
		return m, nil
	case m.Currency != o.Currency:
		return m, Errorf(CodeInternal, "cannot add "+o.Currency+" to "+m.Currency)
	}
	return Money{Micros: m.Micros + o.Micros, Currency: m.Currency}, nil
}

// For gives the price of a time at m an hour, rounded down to a micro.
func (m Money) For(d time.Duration) Money {
	v := new(big.Int).Mul(big.NewInt(m.Micros), big.NewInt(int64(d)))
	v.Quo(v, big.NewInt(int64(time.Hour)))
	return Money{Micros: v.Int64(), Currency: m.Currency}
}

// Share splits the amount by the weights so that the parts add up exactly
// (largest remainder, ties to the earlier one). Without a positive weight the
// parts are zero: the caller has to book the amount elsewhere.
func (m Money) Share(weights []int64) []Money {
	parts := make([]Money, len(weights))
	total := big.NewInt(0)
	for i, w := range weights {
		parts[i].Currency = m.Currency
		if w > 0 {
			total.Add(total, big.NewInt(w))
		}
	}
	if total.Sign() == 0 {
		return parts
	}
	rest := m.Micros
	remainders := make([]*big.Int, len(weights))
	for i, w := range weights {
		remainders[i] = big.NewInt(-1)
		if w <= 0 {
			continue
		}
		v := new(big.Int).Mul(big.NewInt(m.Micros), big.NewInt(w))
		q, r := new(big.Int).QuoRem(v, total, new(big.Int))
		parts[i].Micros, remainders[i] = q.Int64(), r
		rest -= q.Int64()
	}
	for ; rest > 0; rest-- {
		best := 0
		for i, r := range remainders {
			if r.Cmp(remainders[best]) > 0 {
				best = i
			}
		}
		parts[best].Micros++
		remainders[best] = big.NewInt(-1)
	}
	return parts
}

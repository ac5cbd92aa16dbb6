/* The floor of the kernel benchmark: undiscounted Black-76 calls, K options by S scenarios, option-major.
 *
 * One exponential serves both sides, since F phi(d1) = K phi(d2). A tail is that density times the Mills ratio
 * M(a) = N(-a) / phi(a) = p(t) / (a + 4), t = (a - 4) / (a + 4), with p the polynomial MILLS given by the compiler. */
#include <math.h>
#include <stddef.h>

static const double mills_coefficients[] = {MILLS};
enum { DEGREE = sizeof mills_coefficients / sizeof *mills_coefficients - 1 };

static inline double mills(double a)
{
    double scale = 1.0 / (a + 4.0), t = (a - 4.0) * scale, p = mills_coefficients[DEGREE];
#pragma GCC unroll 32
    for (int k = DEGREE - 1; k >= 0; k--)
        p = p * t + mills_coefficients[k];
    return p * scale;
}

void call_grid(size_t options, size_t scenarios, const double *restrict forward, const double *restrict strike,
               const double *restrict moneyness, const double *restrict total_vol, const double *restrict price,
               const double *restrict log_price, const double *restrict growth, double *restrict out)
{
    for (size_t k = 0; k < options; k++) {
        double f = forward[k], x = strike[k], m = moneyness[k], w = total_vol[k];
        double *row = out + k * scenarios;
        for (size_t s = 0; s < scenarios; s++) {
            double v = w * growth[s], d = (m + log_price[s]) / v, d1 = d + 0.5 * v, d2 = d - 0.5 * v;
            double shocked = f * price[s];
            double density = shocked * 0.39894228040143267794 * exp(-0.5 * d1 * d1);
            double first = density * mills(fabs(d1)), second = density * mills(fabs(d2));
            row[s] = (d1 > 0.0 ? shocked - first : first) - (d2 > 0.0 ? x - second : second);
        }
    }
}

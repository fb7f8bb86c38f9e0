package org.mouselift.engine.cpu;

/**
 * The error function and the exact GELU in double precision.
 *
 * <p>Source: W. J. Cody, "Rational Chebyshev approximations for the error function", Math. Comp. 23 (1969) 631–637, with
 * the coefficients of his CALERF program (SPECFUN). Relative error below 1e-15.
 */
public final class ErrorFunction {
    private static final double[] A = {3.16112374387056560e00, 1.13864154151050156e02, 3.77485237685302021e02, 3.20937758913846947e03,
        1.85777706184603153e-1};
    private static final double[] B = {2.36012909523441209e01, 2.44024637934444173e02, 1.28261652607737228e03, 2.84423683343917062e03};
    private static final double[] C = {5.64188496988670089e-1, 8.88314979438837594e0, 6.61191906371416295e01, 2.98635138197400131e02,
        8.81952221241769090e02, 1.71204761263407058e03, 2.05107837782607147e03, 1.23033935479799725e03, 2.15311535474403846e-8};
    private static final double[] D = {1.57449261107098347e01, 1.17693950891312499e02, 5.37181101862009858e02, 1.62138957456669019e03,
        3.29079923573345963e03, 4.36261909014324716e03, 3.43936767414372164e03, 1.23033935480374942e03};
    private static final double[] P = {3.05326634961232344e-1, 3.60344899949804439e-1, 1.25781726111229246e-1, 1.60837851487422766e-2,
        6.58749161529837803e-4, 1.63153871373020978e-2};
    private static final double[] Q = {2.56852019228982242e00, 1.87295284992346047e00, 5.27905102951428412e-1, 6.05183413124413191e-2,
        2.33520497626869185e-3};
    private static final double INV_SQRT_PI = 5.6418958354775628695e-1;
    private static final double INV_SQRT_2PI = 0.39894228040143267794;
    private static final double SQRT_HALF = 0.70710678118654752440;

    private ErrorFunction() {
    }

    /** erf(x) = 2/sqrt(pi) * integral of exp(-t²) from 0 to x. */
    public static double erf(double x) {
        double y = Math.abs(x);
        if (!(y > 0.46875)) {
            return small(x);
        }
        double e = (0.5 - tail(y)) + 0.5;
        return x < 0 ? -e : e;
    }

    /** 1 - erf(x), accurate also where erf(x) is nearly 1. */
    public static double erfc(double x) {
        double y = Math.abs(x);
        if (!(y > 0.46875)) {
            return 1.0 - small(x);
        }
        double t = tail(y);
        return x < 0 ? 2.0 - t : t;
    }

    /** x * Phi(x) with the normal distribution function Phi. */
    public static double gelu(double x) {
        return 0.5 * x * erfc(-x * SQRT_HALF);
    }

    /** Phi(x) + x * phi(x) (GS-LRM specification §1.18). */
    public static double geluDerivative(double x) {
        double clamped = Math.max(-40, Math.min(40, x));
        return 0.5 * erfc(-clamped * SQRT_HALF) + clamped * INV_SQRT_2PI * Math.exp(-0.5 * clamped * clamped);
    }

    private static double small(double x) {
        double z = Math.abs(x) > 1.11e-16 ? x * x : 0.0;
        double top = A[4] * z;
        double bottom = z;
        for (int i = 0; i < 3; i++) {
            top = (top + A[i]) * z;
            bottom = (bottom + B[i]) * z;
        }
        return x * (top + A[3]) / (bottom + B[3]);
    }

    /** erfc(y) for y > 0.46875. */
    private static double tail(double y) {
        double result;
        if (y <= 4.0) {
            double top = C[8] * y;
            double bottom = y;
            for (int i = 0; i < 7; i++) {
                top = (top + C[i]) * y;
                bottom = (bottom + D[i]) * y;
            }
            result = (top + C[7]) / (bottom + D[7]);
        } else if (y >= 26.543) {
            return 0.0;
        } else {
            double z = 1.0 / (y * y);
            double top = P[5] * z;
            double bottom = z;
            for (int i = 0; i < 4; i++) {
                top = (top + P[i]) * z;
                bottom = (bottom + Q[i]) * z;
            }
            result = z * (top + P[4]) / (bottom + Q[4]);
            result = (INV_SQRT_PI - result) / y;
        }
        // exp(-y²) with y² split so that the large part is exact
        double high = (long) (y * 16.0) / 16.0;
        double rest = (y - high) * (y + high);
        return Math.exp(-high * high) * Math.exp(-rest) * result;
    }
}

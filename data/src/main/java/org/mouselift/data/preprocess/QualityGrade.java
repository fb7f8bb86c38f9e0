package org.mouselift.data.preprocess;

/** 2D uniformity class; both limits must hold, strictly (mouse specification §3.8). It says nothing about 3D. */
public enum QualityGrade {
    A("Excellent", 1, 5),
    B("Good", 3, 10),
    C("Acceptable", 5, 20),
    D("Needs Improvement", Double.POSITIVE_INFINITY, Double.POSITIVE_INFINITY);

    private final String label;
    /** Percent. */
    public final double sizeCv;
    /** Pixels at 512. */
    public final double offset;

    QualityGrade(String label, double sizeCv, double offset) {
        this.label = label;
        this.sizeCv = sizeCv;
        this.offset = offset;
    }

    /** {@code A (Excellent)}. */
    public String text() {
        return name() + " (" + label + ")";
    }

    public static QualityGrade of(double sizeCv, double meanOffset, int imageSize) {
        for (QualityGrade g : values()) {
            if (sizeCv < g.sizeCv && meanOffset < g.offset * imageSize / 512) {
                return g;
            }
        }
        return D;
    }

    /** By all views. */
    public static QualityGrade of(QualityMetrics.Summary s, int imageSize) {
        return of(s.size().cv(), s.offset().mean(), imageSize);
    }

    /** By the means of the samples, as the comparison of data sets does (mouse specification §3.9). */
    public static QualityGrade ofSamples(QualityMetrics.Summary s, int imageSize) {
        return of(s.sampleSize().cv(), s.sampleOffset().mean(), imageSize);
    }
}

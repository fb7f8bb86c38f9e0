package org.mouselift.pipeline.report;

import java.time.LocalDate;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import org.mouselift.data.preprocess.QualityGrade;
import org.mouselift.data.preprocess.QualityMetrics;

/**
 * The Markdown reports of one data set and of several (mouse specification §3.8, §3.9), with the tables of the original program, number for
 * number, and what it lacked: a word on 3D.
 */
final class QualityMarkdown {
    /** What every 2D grade must be read with. */
    static final String ONLY_2D = "The 2D grade measures only how uniformly the subject fills the pictures. A set with grade A can be useless in 3D (pictures moved, "
            + "cameras left behind); the geometry grade below says whether pictures and cameras agree.";

    private QualityMarkdown() {}

    /** {@code <name>_quality_report.md}. @param geometry what is known about 3D, Markdown */
    static String report(QualityMetrics m, String path, LocalDate date, String geometry) {
        QualityMetrics.Summary s = m.summary();
        String name = m.dataset();
        StringBuilder t = new StringBuilder();
        t.append("---\ndate: ").append(date).append("\ndataset: ").append(name).append("\ngenerator: mouselift data report\n---\n\n");
        t.append("# Preprocessing Quality Report: ").append(name).append("\n\n## Overview\n\n| Metric | Value |\n|--------|-------|\n");
        t.append("| Dataset Path | `").append(path).append("` |\n| Samples Analyzed | ").append(s.samples()).append(" |\n| Total Views | ").append(s.views())
                .append(" |\n| Quality Grade | **").append(QualityGrade.of(s, m.imageSize()).text()).append("** |\n");
        t.append("\n## Size Ratio Statistics (Pixel-Based)\n\n> Size ratio = sqrt(object_pixels / total_pixels)\n> Target: Uniform across all views\n\n| Metric | Value |\n|--------|-------|\n");
        t.append(text("| Mean | %.4f (%.1f%%) |\n| Std | %.4f |\n| CV (Coefficient of Variation) | **%.2f%%** |\n", s.size().mean(), 100 * s.size().mean(), s.size().std(), s.size().cv()));
        t.append(text("| Min | %.4f (%.1f%%) |\n| Max | %.4f (%.1f%%) |\n| Range | %.4f |\n", s.size().min(), 100 * s.size().min(), s.size().max(), 100 * s.size().max(),
                s.size().max() - s.size().min()));
        t.append("\n### Interpretation\n- CV < 1%: Excellent uniformity\n- CV 1-3%: Good uniformity\n- CV 3-5%: Acceptable\n- CV > 5%: Needs improvement\n");
        t.append("\n## Center of Mass (CoM) Statistics\n\n> CoM offset = distance from image center to object center of mass\n> Target: Near zero (object centered)\n\n| Metric | Value |\n|--------|-------|\n");
        t.append(text("| Mean Offset | **%.1fpx** (%.2f%% of image) |\n| Std | %.1fpx |\n| Max Offset | %.1fpx |\n| 95th Percentile | %.1fpx |\n| 99th Percentile | %.1fpx |\n",
                s.offset().mean(), s.offsetPercent(), s.offset().std(), s.offset().max(), s.p95(), s.p99()));
        t.append("\n### Interpretation\n- Mean < 5px: Excellent centering\n- Mean 5-10px: Good centering\n- Mean 10-20px: Acceptable\n- Mean > 20px: Needs improvement\n");
        t.append("\n## Cross-View Consistency\n\n| Metric | Value |\n|--------|-------|\n");
        t.append(text("| Avg Intra-Sample Size CV | %.2f%% |\n| Avg Intra-Sample CoM Offset Std | %.1fpx |\n", s.intraSizeCv(), s.intraOffsetStd()));
        t.append("\n## 3D Consistency\n\n> ").append(ONLY_2D).append("\n\n").append(geometry);
        t.append("\n## Quality Distribution\n\n### Size Ratio Histogram\n![Size Ratio Distribution](./").append(name).append("_quality_report.png)\n");
        t.append("\n### Sample Visualizations\n![Sample Visualizations](./").append(name).append("_sample_visualization.png)\n");
        t.append("\n## Recommendations\n\n");
        m.recommendations().forEach(r -> t.append("- ").append(r).append('\n'));
        return t.toString();
    }

    /** {@code comparison_report.md}: data sets by grade, equals in the order given. */
    static String comparison(List<QualityMetrics> given, LocalDate date, String geometry) {
        List<QualityMetrics> sets = given.stream().sorted(Comparator.comparing(QualityMarkdown::grade)).toList();
        StringBuilder t = new StringBuilder("# Preprocessing Methods Comparison Report\n\nDate: " + date + "\n\n## Summary Table\n\n"
                + "| Dataset | Samples | Size Mean | Size CV | CoM Offset | Grade |\n|---------|---------|-----------|---------|------------|-------|\n");
        for (QualityMetrics m : sets) {
            QualityMetrics.Summary s = m.summary();
            t.append(text("| %s | %d | %.1f%% | %.2f%% | %.1fpx | %s  |\n", m.dataset(), s.samples(), 100 * s.sampleSize().mean(), s.sampleSize().cv(), s.sampleOffset().mean(), grade(m)));
        }
        t.append("""

                ## Grading Criteria

                | Grade | Size CV | CoM Offset | Description |
                |-------|---------|------------|-------------|
                | A | < 1% | < 5px | Excellent - Ready for training |
                | B | < 3% | < 10px | Good - Minor improvements possible |
                | C | < 5% | < 20px | Fair - Needs improvement |
                | D | >= 5% | >= 20px | Poor - Requires reprocessing |

                ## 3D Consistency

                >\s""").append(ONLY_2D).append("\n\n").append(geometry).append("\n## Detailed Analysis\n");
        for (QualityMetrics m : sets) {
            QualityMetrics.Summary s = m.summary();
            t.append(text("\n### %s\n\n- **Grade**: %s\n- **Samples Analyzed**: %d\n- **Size Ratio**:\n  - Mean: %.1f%%\n  - Std: %.2f%%\n  - CV: %.2f%%\n", m.dataset(), grade(m),
                    s.samples(), 100 * s.sampleSize().mean(), 100 * s.sampleSize().std(), s.sampleSize().cv()));
            t.append(text("- **Center of Mass Offset**:\n  - Mean: %.1fpx\n  - Std: %.1fpx\n  - Max: %.1fpx\n", s.sampleOffset().mean(), s.sampleOffset().std(), s.sampleOffset().max()));
        }
        t.append("\n## Recommendations\n\n").append(recommendation(sets.getFirst()));
        return t.toString();
    }

    /** @param best the best data set */
    static String recommendation(QualityMetrics best) {
        QualityMetrics.Summary s = best.summary();
        if (grade(best).compareTo(QualityGrade.B) > 0) {
            return "**Warning**: none of the data sets is uniform enough (the best is `" + best.dataset() + "`, grade " + grade(best)
                    + "). Use pixel-based preprocessing with exact intrinsics.\n";
        }
        return text("**Recommended Dataset**: `%s` (Grade %s)\n\nThis dataset has the best combination of size uniformity (CV %.2f%%) and centering accuracy (offset %.1fpx).\n",
                best.dataset(), grade(best), s.sampleSize().cv(), s.sampleOffset().mean());
    }

    static QualityGrade grade(QualityMetrics m) {
        return QualityGrade.ofSamples(m.summary(), m.imageSize());
    }

    private static String text(String format, Object... values) {
        return String.format(Locale.ROOT, format, values);
    }
}

package org.mouselift.pipeline.report;

import java.io.IOException;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.mouselift.data.AtomicFile;
import org.mouselift.data.image.Image8;
import org.mouselift.pipeline.mousedata.DomainGap;
import org.mouselift.pipeline.mousedata.PictureSet;

/** The domain gap as a page: scores, measures, and pictures of both sides. */
public final class DomainGapPage {
    private static final int PICTURES = 5;

    private DomainGapPage() {}

    public static void write(Path file, Path training, Path other, DomainGap.Report report, LocalDate date) throws IOException {
        HtmlPage page = new HtmlPage("Domain gap", training + " (training) and " + other + ", " + date);
        page.tiles(report.scores().entrySet().stream().map(e -> new HtmlPage.Tile(String.format(Locale.ROOT, "%.2f", e.getValue()), e.getKey().name().toLowerCase(Locale.ROOT) + ": "
                + DomainGap.Report.verdict(e.getValue()), e.getValue() > DomainGap.LARGE ? HtmlPage.Kind.BAD : e.getValue() > DomainGap.NOTICEABLE ? HtmlPage.Kind.FAIR : HtmlPage.Kind.GOOD)).toList());
        page.paragraph("A gap is the difference of the means in units of the larger spread, but at least of what matters at all; a row's score is its worst gap.");
        page.heading("Measures").table(List.of("measure", "row", "training", "at hand", "gap", "verdict"), report.lines().stream().map(l -> List.of(l.measure(),
                l.row().name().toLowerCase(Locale.ROOT), spread(l.training().mean(), l.training().std()), spread(l.inference().mean(), l.inference().std()),
                String.format(Locale.ROOT, "%.2f", l.gap()), DomainGap.Report.verdict(l.gap()))).toList());
        page.heading("First views").picture(SamplePictures.samples(List.of("training", "at hand"), List.of(pictures(training), pictures(other)), PICTURES), "pictures of both sides");
        AtomicFile.writeText(file, page.text());
    }

    private static List<Image8> pictures(Path place) throws IOException {
        List<Image8> out = new ArrayList<>();
        for (Path p : PictureSet.folders(place, PICTURES)) {
            out.add(PictureSet.read(p).pictures().getFirst());
        }
        return out;
    }

    private static String spread(double mean, double std) {
        return Double.isNaN(mean) ? "–" : String.format(Locale.ROOT, "%.3f ± %.3f", mean, std);
    }
}

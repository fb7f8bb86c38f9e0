package org.mouselift.pipeline.multiview;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.mouselift.data.checkpoint.Provenance;
import org.mouselift.data.image.Image8;
import org.mouselift.data.preprocess.MaskStatistics;

/** MFL-E133 of the mouse specification (§3.12, K-64). */
class ExpectedSubjectTest {
    @TempDir
    Path folder;

    /** A dark square on a picture of 100 pixels. */
    private static Image8 square(int left, int top, int side, int channels, int background) {
        Image8 image = Image8.blank(100, 100, channels);
        for (int p = 0; p < 100 * 100; p++) {
            boolean inside = p % 100 >= left && p % 100 < left + side && p / 100 >= top && p / 100 < top + side;
            for (int c = 0; c < 3; c++) {
                image.data()[channels * p + c] = (byte) (inside ? 60 : background);
            }
            if (channels == 4) {
                image.data()[4 * p + 3] = (byte) (inside ? 255 : 0);
            }
        }
        return image;
    }

    private static MaskStatistics subject(int left, int top, int side) {
        return ReferencePicture.subject(square(left, top, side, 4, 0)).orElseThrow();
    }

    @Test
    void theSubjectIsWhatAlphaCoversOrWhatIsNotWhite() {
        assertEquals(0.4, subject(30, 30, 40).sizeRatio(), 1e-9);
        assertEquals(subject(20, 30, 40), ReferencePicture.subject(square(20, 30, 40, 3, 255)).orElseThrow());
        assertTrue(ReferencePicture.subject(square(20, 30, 40, 3, 128)).isEmpty(), "on grey it cannot be told");
    }

    @Test
    void theRecordReadsBack() throws IOException {
        ExpectedSubject expected = ExpectedSubject.of(List.of(subject(30, 30, 40), subject(25, 25, 50))).orElseThrow();
        assertEquals(0.45, expected.size().mean(), 1e-9);
        assertEquals(0.05, expected.size().std(), 1e-9);
        Provenance.empty().with(expected.keys()).write(folder);
        assertEquals(Optional.of(expected), Provenance.read(folder).flatMap(ExpectedSubject::of));
        assertTrue(ExpectedSubject.of(Provenance.empty()).isEmpty());
        assertTrue(ExpectedSubject.of(List.of()).isEmpty());
    }

    @Test
    void deviationsOfMoreThanTwentyPercentAreNamedWithNumbers() {
        ExpectedSubject expected = ExpectedSubject.of(List.of(subject(25, 25, 50))).orElseThrow();
        for (int side : new int[] {40, 50, 60}) {
            assertTrue(expected.warning(subject(50 - side / 2, 50 - side / 2, side)).isEmpty(), "side " + side);
        }
        String large = expected.warning(subject(19, 19, 62)).orElseThrow();
        assertTrue(large.startsWith("MFL-E133: the subject takes 0.62 of the picture") && large.contains("in the training 0.50 ± 0.00: 24 % larger, at most 20 %"), large);
        assertTrue(expected.warning(subject(31, 31, 38)).orElseThrow().contains("24 % smaller"));
        assertTrue(expected.warning(subject(34, 25, 50)).isEmpty(), "9 pixels aside are less than a fifth of the size");
        String aside = expected.warning(subject(40, 25, 50)).orElseThrow();
        assertTrue(aside.startsWith("MFL-E133: the subject lies 0.15 of the side from the centre, in the training 0.01 ± 0.00"), aside);
    }
}

package org.mouselift.pipeline.mousedata;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import org.mouselift.data.camera.OpencvCameraFile;
import org.mouselift.data.image.Image8;
import org.mouselift.data.preprocess.MaskStatistics;

/** Size and place of the subject, view by view: kept with every sample, and their means with the data set (mouse specification §2.8). */
final class MaskSummary {
    /** The key in the camera file of a sample. */
    static final String KEY = "mask_statistics";

    private MaskSummary() {}

    /** Size ratio and offset of each view; empty lists where a view has no alpha. */
    static ObjectNode of(List<Image8> views) {
        ObjectNode out = JsonNodeFactory.instance.objectNode();
        ArrayNode sizes = out.putArray("size_ratio");
        ArrayNode offsets = out.putArray("com_offset");
        if (views.stream().allMatch(Image8::hasAlpha)) {
            for (Image8 v : views) {
                MaskStatistics m = MaskStatistics.of(v);
                sizes.add(m.sizeRatio());
                offsets.add(m.isEmpty() ? -1 : m.comOffset());
            }
        }
        return out;
    }

    /** The means over samples, one entry a view; empty when the samples say nothing. */
    static ArrayNode means(Path dataset, Collection<String> samples) throws IOException {
        List<double[]> sums = new ArrayList<>();
        for (String name : samples) {
            JsonNode s = SampleFolder.read(dataset.resolve(name).resolve(OpencvCameraFile.FILE_NAME)).path(KEY);
            for (int i = 0; i < s.path("size_ratio").size(); i++) {
                if (sums.size() <= i) {
                    sums.add(new double[3]);
                }
                double[] sum = sums.get(i);
                sum[0] += s.path("size_ratio").path(i).asDouble();
                sum[1] += s.path("com_offset").path(i).asDouble();
                sum[2]++;
            }
        }
        ArrayNode out = JsonNodeFactory.instance.arrayNode();
        for (int i = 0; i < sums.size(); i++) {
            double[] s = sums.get(i);
            out.addObject().put("view", i).put("mean_size_ratio", s[0] / s[2]).put("mean_com_offset", s[1] / s[2]);
        }
        return out;
    }
}

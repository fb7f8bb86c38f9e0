package org.mouselift.pipeline.cli;

import java.io.IOException;
import java.nio.file.Path;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.camera.SlotAssignment;
import org.mouselift.data.prompts.PromptStyle;
import org.mouselift.data.prompts.PromptStyles;
import org.mouselift.data.prompts.PromptText;
import picocli.CommandLine.Option;

/** Options that say which sentences a set of prompts has. */
final class PromptTextArguments {
    /** Where the names of views come from. */
    enum Names { CAMERAS, STYLE }

    @Option(names = "--rig", paramLabel = "RIG", description = "Cameras of the slots: a rig (human6, mouse6, ring:n=8,elev=20, ...) or a camera file (default: the style's own).")
    @PathRole(PathRole.Kind.RIG)
    private String rig;

    @Option(names = "--style", defaultValue = "facelift", paramLabel = "STYLE", description = "Wording; mouselift prompts styles lists them (default: ${DEFAULT-VALUE}).")
    private String style;

    @Option(names = "--styles", paramLabel = "FILE", description = "More styles, as JSON.")
    private Path styles;

    @Option(names = "--view-assignment", defaultValue = "index", paramLabel = "ORDER",
            description = "Which camera fills which slot: index, angular (clockwise from the front camera) or a list such as 0,4,2,1,3,5 (default: ${DEFAULT-VALUE}).")
    private String assignment;

    @Option(names = "--front", paramLabel = "N", description = "Camera of the rig that shows the front (default: the front of the world, -y).")
    private Integer front;

    @Option(names = "--elevation", paramLabel = "DEGREES", description = "Elevation that all slots are said to have (default: the cameras').")
    private Double elevation;

    @Option(names = "--names", defaultValue = "CAMERAS", paramLabel = "FROM",
            description = "Names of the views: ${COMPLETION-CANDIDATES}, by their directions or from the style's own list (default: ${DEFAULT-VALUE}).")
    private Names names;

    boolean namesRig() {
        return rig != null;
    }

    PromptText text() throws IOException {
        PromptStyles all = styles == null ? PromptStyles.builtIn() : PromptStyles.builtIn().with(styles);
        PromptStyle wording = all.style(style);
        CameraRig cameras = RigArgument.read(rig == null ? wording.rig() : rig);
        if (front != null && (front < 0 || front >= cameras.size())) {
            throw CommandException.usage("--front " + front + ": the rig " + cameras.id() + " has cameras 0 to " + (cameras.size() - 1), "");
        }
        if (elevation != null && !(Math.abs(elevation) <= 90)) {
            throw CommandException.usage("--elevation " + elevation + ": expected -90 to 90 degrees", "");
        }
        SlotAssignment order = SlotAssignment.parse(assignment, cameras, front == null ? 0 : front);
        OptionalInt frontSlot = front == null ? OptionalInt.empty() : OptionalInt.of(order.cameras().indexOf(front));
        if (frontSlot.isPresent() && frontSlot.getAsInt() < 0) {
            throw CommandException.usage("--front " + front + " is not among the cameras of --view-assignment " + assignment, "");
        }
        return PromptText.of(wording, order.apply(cameras), new PromptText.Options(frontSlot, elevation == null ? OptionalDouble.empty() : OptionalDouble.of(elevation),
                names == Names.STYLE));
    }
}
